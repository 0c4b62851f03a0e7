"""SMILE, the binary form of JSON that Elasticsearch also speaks (github.com/FasterXML/smile-format-specification).

No maintained library for Python reads or writes it.
"""

from proxy.api.smile.reading import NotSmile, documents_of
from proxy.api.smile.writing import to_smile

__all__ = ["NotSmile", "documents_of", "to_smile"]
