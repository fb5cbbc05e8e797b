"""Which actions occur together: emotions, talking, moods of thought. Figures are this project's, after the prototypes
of the FACS literature (Ekman, Friesen & Hager, *FACS Investigator's Guide*, 2002) and common sense.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["EMOTIONS", "ONE_SIDED", "POSED", "TALK", "TIMING", "Timing"]


@dataclass(frozen=True)
class Timing:
    """Median durations of an action's rise, hold and fall, in seconds."""

    onset: float
    apex: float
    offset: float


_BROWS, _LIDS, _CHEEK, _MOUTH, _JAW = (
    Timing(0.35, 0.8, 0.6),
    Timing(0.25, 0.7, 0.45),
    Timing(0.55, 1.6, 0.9),
    Timing(0.35, 0.9, 0.55),
    Timing(0.30, 0.6, 0.45),
)

#: Typical timing of each action unit.
TIMING: Mapping[int, Timing] = MappingProxyType(
    {
        **dict.fromkeys((1, 2, 4), _BROWS),
        **dict.fromkeys((5, 7, 43), _LIDS),
        **dict.fromkeys((6, 12), _CHEEK),
        **dict.fromkeys((9, 10, 14, 15, 17, 18, 20, 23, 24, 28), _MOUTH),
        **dict.fromkeys((25, 26, 27), _JAW),
        11: _MOUTH,
    }
)

#: Emotion -> action unit -> (probability of taking part, mean intensity).
EMOTIONS: Mapping[str, Mapping[int, tuple[float, float]]] = MappingProxyType(
    {
        "happiness": {6: (0.8, 2.8), 12: (1.0, 3.4), 25: (0.65, 2.6), 26: (0.25, 1.8), 7: (0.2, 1.8)},
        "laughter": {6: (0.95, 3.6), 12: (1.0, 4.2), 25: (0.95, 3.4), 26: (0.7, 2.6), 7: (0.3, 2.2)},
        "surprise": {1: (0.95, 3.4), 2: (0.95, 3.4), 5: (0.7, 2.6), 25: (0.8, 2.6), 26: (0.6, 2.8), 27: (0.1, 3.2)},
        "sadness": {1: (0.85, 2.8), 4: (0.75, 2.6), 15: (0.75, 2.2), 17: (0.6, 2.0), 7: (0.3, 1.8)},
        "disgust": {9: (0.7, 2.4), 10: (0.6, 2.4), 4: (0.6, 2.4), 7: (0.6, 2.4), 17: (0.4, 1.8), 25: (0.3, 2.0)},
        "fear": {
            1: (0.85, 3.0),
            2: (0.7, 2.5),
            4: (0.75, 2.5),
            5: (0.7, 2.8),
            20: (0.7, 2.4),
            25: (0.6, 2.4),
            26: (0.4, 2.0),
        },
        "anger": {4: (1.0, 3.2), 5: (0.35, 2.4), 7: (0.75, 2.6), 23: (0.6, 2.3), 24: (0.55, 2.4), 17: (0.4, 1.8)},
        "contempt": {14: (0.9, 2.4), 12: (0.4, 2.0), 2: (0.3, 2.4)},
        "pain": {
            4: (0.9, 3.0),
            6: (0.6, 2.6),
            7: (0.8, 3.0),
            9: (0.5, 2.0),
            20: (0.3, 2.0),
            25: (0.5, 2.6),
            43: (0.4, 4.0),
        },
        "embarrassment": {
            12: (0.9, 2.6),
            23: (0.4, 1.8),
            24: (0.5, 2.0),
            28: (0.25, 3.0),
            14: (0.3, 2.0),
            6: (0.3, 1.8),
        },
        "thought": {
            4: (0.5, 2.0),
            14: (0.3, 1.8),
            17: (0.4, 1.8),
            18: (0.3, 2.0),
            24: (0.35, 1.9),
            2: (0.25, 2.2),
            1: (0.25, 2.2),
        },
        "absorption": {25: (1.0, 1.8), 26: (0.65, 2.1)},
    }
)

#: Emotions on demand are fuller than felt ones: the smile shows teeth, the jaw falls wide open, the chin is pushed up.
#: With these, units are about as frequent as in CK+ (Lucey et al., 2010).
POSED: Mapping[str, Mapping[int, tuple[float, float]]] = MappingProxyType(
    {
        "anger": {**EMOTIONS["anger"], 17: (0.85, 2.4)},
        "contempt": EMOTIONS["contempt"],
        "disgust": {**EMOTIONS["disgust"], 9: (0.85, 2.6), 10: (0.25, 2.4), 17: (0.75, 2.2)},
        "fear": {**EMOTIONS["fear"], 25: (0.95, 2.6)},
        "happiness": {**EMOTIONS["happiness"], 6: (0.95, 2.8), 25: (0.95, 2.8), 26: (0.1, 1.8)},
        "sadness": {**EMOTIONS["sadness"], 17: (0.95, 2.2)},
        "surprise": {**EMOTIONS["surprise"], 25: (1.0, 2.8), 26: (0.15, 2.8), 27: (0.8, 3.0)},
    }
)

#: Action unit -> (probability that a syllable uses it, mean intensity) while talking.
TALK: Mapping[int, tuple[float, float]] = MappingProxyType(
    {
        25: (0.85, 2.6),
        26: (0.75, 2.2),
        18: (0.2, 2.2),
        20: (0.22, 1.8),
        24: (0.12, 2.0),
        10: (0.1, 1.5),
        17: (0.1, 1.6),
        12: (0.15, 1.2),
        14: (0.05, 1.2),
        23: (0.05, 1.5),
    }
)

#: Action unit -> probability that it shows on one side only.
ONE_SIDED: Mapping[int, float] = MappingProxyType({14: 0.3, 2: 0.08, 10: 0.08, 12: 0.05, 1: 0.02, 15: 0.05, 20: 0.03})
