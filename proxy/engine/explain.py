"""Why a value is unusual, in the words of the API: multi_bucket_impact and anomaly_score_explanation."""

import numpy as np

from proxy.engine.models.judged import Judged
from proxy.engine.models.series import SeriesModel
from proxy.engine.probability import clip_p
from proxy.engine.results import Document

_LN_THOUSAND = float(np.log(1000.0))
# A twofold seasonal spread is where a reader would call the time of day noisy.
HIGH_VARIANCE_FROM = 1.5
# With half the usual records a mean is visibly less certain.
SCARCE_FROM = 2.0


def multi_bucket_impact(p_single: float, p_multi: float) -> float:
    """-5 (one bucket alone) .. 5 (the run of buckets alone), two decimals, rounded down."""
    a, b = (float(np.log(clip_p(np.array(p)))) for p in (p_single, p_multi))
    ratio = min(a, b) / min(max(a, b), -0.001)
    impact = float(np.clip(5.0 * ratio / _LN_THOUSAND * (a - b), -5.0, 5.0))
    return float(np.floor(impact * 100.0) / 100.0)


def explanation(model: SeriesModel, judged: Judged, i: int, mode: float | None, completeness: float) -> Document:
    """The explanation object of one judged value; zero impacts and false flags are left out.

    `mode` is the nearest of several usual values, None for a series with one.
    """
    lower, upper = model.bounds(judged.typical[i], judged.spread[i] * judged.factor[i], int(judged.rows[i]))
    single, multi = float(judged.evidence.single[i]), float(judged.evidence.multi[i])
    typical = float(judged.typical[i]) if mode is None else mode
    out: Document = {
        "anomaly_type": "spike" if _is_spike(model, judged, i, typical) else "dip",
        "anomaly_length": model.run_length(judged, i),
    }
    for name, p in (("single_bucket_impact", single), ("multi_bucket_impact", multi)):
        if p < 0.05:
            out[name] = max(1, round(-float(np.log10(p))))
    characteristics = round(float(judged.raw_surprise[i] - judged.surprise[i]))
    if characteristics > 0:
        out["anomaly_characteristics_impact"] = characteristics
    out["lower_confidence_bound"] = lower
    out["typical_value"] = typical
    out["upper_confidence_bound"] = upper
    scarcity = _scarcity(model, judged, i)
    if judged.factor[i] > HIGH_VARIANCE_FROM * np.sqrt(max(0.5 + 0.5 * scarcity, 1.0)):
        out["high_variance_penalty"] = True
    if completeness < 1.0 or scarcity > SCARCE_FROM:
        out["incomplete_bucket_penalty"] = True
    if mode is not None:
        out["multimodal_distribution"] = True
    return out


def _is_spike(model: SeriesModel, judged: Judged, i: int, typical: float) -> bool:
    """One-sided functions know one kind; else it is what a reader of actual and typical would call it."""
    off = model.side or float(judged.value[i]) - typical
    return off > 0 if off else bool(judged.is_high[i])


def _scarcity(model: SeriesModel, judged: Judged, i: int) -> float:
    """How many times fewer records than usual a mean rests on; its spread is widened by sqrt(0.5 + 0.5 times that)."""
    if judged.samples is None:
        return 1.0
    return model.records.scarcity(int(judged.rows[i]), float(judged.samples[i]))
