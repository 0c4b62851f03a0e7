"""The analysis components that every Elasticsearch has, by which a categorization analyzer may name its parts."""

from __future__ import annotations

_LANGUAGES = """
arabic armenian basque bengali brazilian bulgarian catalan chinese cjk czech danish dutch english estonian finnish
french galician german greek hindi hungarian indonesian irish italian latvian lithuanian norwegian persian portuguese
romanian russian serbian sorani spanish swedish thai turkish
"""

ANALYZERS = frozenset(f"default fingerprint keyword pattern simple snowball standard stop whitespace {_LANGUAGES}".split())
CHAR_FILTERS = frozenset(
    "first_line_with_letters first_non_blank_line html_strip mapping pattern_replace icu_normalizer".split()
)
TOKENIZERS = frozenset(
    """
    char_group classic edge_ngram edgeNGram icu_tokenizer keyword letter lowercase ml_classic ml_standard ngram nGram
    path_hierarchy PathHierarchy pattern simple_pattern simple_pattern_split standard thai uax_url_email whitespace
    """.split()
)
TOKEN_FILTERS = frozenset(
    """
    apostrophe arabic_normalization arabic_stem asciifolding bengali_normalization brazilian_stem cjk_bigram cjk_width
    classic common_grams condition czech_stem decimal_digit delimited_payload dictionary_decompounder dutch_stem
    edge_ngram elision fingerprint flatten_graph french_stem german_normalization german_stem hindi_normalization
    hunspell hyphenation_decompounder indic_normalization keep keep_types keyword_marker keyword_repeat kstem length
    limit lowercase min_hash multiplexer ngram pattern_capture pattern_replace persian_normalization persian_stem
    phonetic porter_stem predicate_token_filter remove_duplicates reverse russian_stem scandinavian_folding
    scandinavian_normalization serbian_normalization shingle snowball sorani_normalization stemmer stemmer_override
    stop synonym synonym_graph trim truncate type_as_synonym unique uppercase word_delimiter word_delimiter_graph
    """.split()
)
