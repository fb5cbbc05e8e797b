"""Make ``keypoints/mesh478.json`` anew: ``python benchmarks/build_mesh.py FOLDER``.

FOLDER holds ``*.npz`` of clips with ``points`` (n, 478, 3), the landmarker's x, y and z in pixels, and ``frames`` (n,);
``python benchmarks/build_mesh.py FOLDER MODEL.task CLIP...`` writes them first. The mean face is this project's own
estimate: of each clip the twentieth of the frames nearest to rest, laid on the 3-D head by its rigid points, averaged
over clips and made symmetric. Which vertex mirrors which is read off the same face by the best assignment.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from dfecs_lib import keypoints
from dfecs_lib.anatomy.head import load_head
from dfecs_lib.preprocessing import preparation

Points = NDArray[np.float64]
SOURCE = (127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356, 70, 63, 105, 66, 107, 336)
SOURCE += (296, 334, 293, 300, 168, 197, 5, 4, 75, 97, 2, 326, 305, 33, 160, 158, 133, 153, 144, 362, 385, 387, 263)
SOURCE += (373, 380, 61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87)
RIGID = (0, 1, 2, 14, 15, 16, *range(27, 36), 36, 39, 42, 45)
# What lies this far (mm) from the nearest part is cheek; this far above a brow, forehead.
FROM_PARTS, ABOVE_BROW = 11.0, 9.0
LINES = {
    "jaw": (range(0, 17),),
    "right_eyebrow": (range(17, 22),),
    "nose": (range(27, 31), range(31, 36)),
    "right_eye": ((*range(36, 42), 36),),
    "lips": ((*range(48, 60), 48),),
}


def watch(model: str, clip: Path, folder: Path) -> None:
    """Track a clip and keep points in space."""
    import av
    import mediapipe as mp
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=model), running_mode=vision.RunningMode.VIDEO
    )
    frames, points = [], []
    with vision.FaceLandmarker.create_from_options(options) as landmarker, av.open(str(clip)) as video:
        for number, frame in enumerate(video.decode(video=0)):
            picture = np.ascontiguousarray(frame.to_ndarray(format="rgb24"))
            found = landmarker.detect_for_video(
                mp.Image(image_format=mp.ImageFormat.SRGB, data=picture), number * 40
            ).face_landmarks
            if found:
                height, width = picture.shape[:2]
                frames.append(number)
                points.append([[p.x * width, p.y * height, p.z * width] for p in found[0]])
    np.savez_compressed(folder / f"{clip.stem}.npz", frames=frames, points=np.array(points, dtype=np.float32))


def laid_on(face: Points, target: Points, where: tuple[int, ...] | slice, on: tuple[int, ...] | slice) -> Points:
    """Return a face moved by the similarity that lays its points `where` on the target's points `on`."""
    a, b = face[list(where) if isinstance(where, tuple) else where], target[list(on) if isinstance(on, tuple) else on]
    u, size, vt = np.linalg.svd((a - a.mean(axis=0)).T @ (b - b.mean(axis=0)))
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    scale = (size * np.diag(flip)).sum() / ((a - a.mean(axis=0)) ** 2).sum()
    return np.asarray((face - a.mean(axis=0)) @ (u @ flip @ vt) * scale + b.mean(axis=0))


def resting(points: Points, frames: NDArray[np.int64], name: str) -> tuple[Points, Points]:
    """Return the mean of a clip's frames nearest to rest, on the head, and of those with the mouth widest open."""
    table = keypoints.make_table(
        points[:, list(SOURCE), :2], scheme="ibug68", frames=frames, dataset="mesh", subject=name, recording=name
    )
    motion = preparation(table).motion
    near = np.argsort((motion.to_numpy() ** 2).sum(axis=1))[: max(20, len(motion) // 20)]
    rows = np.searchsorted(frames, motion.index.get_level_values("frame").to_numpy()[near])
    head, rigid = load_head().mean, tuple(SOURCE[k] for k in RIGID)
    wide = np.argsort(points[:, 13, 1] - points[:, 14, 1])[:20]  # inner lips, y down
    return tuple(  # type: ignore[return-value]
        np.mean([laid_on(points[row], head, rigid, RIGID) for row in chosen], axis=0) for chosen in (rows, wide)
    )


def mean_face(faces: list[Points], wide: list[Points]) -> tuple[Points, NDArray[np.intp]]:
    """Return the symmetric mean (478, 3) in mm, axes of the head, and the mirrored vertices."""
    mean = np.mean(faces, axis=0)
    for _ in range(10):
        mean = np.mean([laid_on(face, mean, slice(None), slice(None)) for face in faces], axis=0)
    mean = laid_on(mean, load_head().mean, tuple(SOURCE[k] for k in RIGID), RIGID)
    other = mean * [-1.0, 1.0, 1.0]
    both = np.concatenate([mean, np.mean(wide, axis=0)], axis=1)  # the corners' points lie apart in an open mouth only
    _, mirror = linear_sum_assignment(((both[:, None] - both[None] * [-1, 1, 1, -1, 1, 1]) ** 2).sum(axis=2))
    assert (mirror[mirror] == np.arange(len(mean))).all()
    mean = (mean + other[mirror]) / 2
    mean[mirror == np.arange(len(mean)), 0] = 0.0
    return mean, mirror


def parts_of(mean: Points, mirror: NDArray[np.intp]) -> dict[str, list[int]]:
    """Give every vertex to the part whose line is nearest, or to cheek or forehead."""
    flat = mean[:, :2]
    lines = {}
    for part, curves in LINES.items():
        drawn = []
        for curve in curves:
            corners = flat[[SOURCE[k] for k in curve]]
            steps = np.linspace(0, len(corners) - 1, 20 * len(corners))
            drawn.append(np.stack([np.interp(steps, np.arange(len(corners)), corners[:, a]) for a in (0, 1)], axis=1))
        lines[part] = np.concatenate(drawn)
    own = np.full(len(mean), "", dtype=object)
    brow_y, eye_y = flat[[SOURCE[k] for k in range(17, 22)], 1], flat[[SOURCE[k] for k in range(36, 42)], 1].mean()
    brow_x = flat[[SOURCE[k] for k in range(17, 22)], 0]
    for k in range(len(mean)):
        x, y = flat[k]
        if x > 1e-9:
            continue
        distance = {part: float(np.linalg.norm(line - flat[k], axis=1).min()) for part, line in lines.items()}
        nearest = min(distance, key=lambda part: distance[part])
        above = float(np.interp(x, brow_x, brow_y)) - y
        if above > ABOVE_BROW or (x > -1e-9 and y < flat[SOURCE[27], 1] - 6):
            nearest = "forehead"
        elif distance[nearest] > FROM_PARTS:
            chin = x > flat[SOURCE[48], 0] and y > flat[SOURCE[57], 1]
            nearest = nearest if chin else "right_cheek" if y > eye_y else "forehead"
        own[k] = nearest
        own[mirror[k]] = nearest.replace("right", "left") if mirror[k] != k else nearest
    own[list(range(468, 473))] = "right_eye"
    own[list(range(473, 478))] = "left_eye"
    names = ("jaw", "right_eyebrow", "left_eyebrow", "nose", "right_eye", "left_eye", "lips")
    names += ("right_cheek", "left_cheek", "forehead")
    assert set(own) == set(names), set(own)
    return {part: np.flatnonzero(own == part).tolist() for part in names}


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for clip in sys.argv[3:]:
        watch(sys.argv[2], Path(clip), folder)
    faces = []
    for file in sorted(folder.glob("*.npz")):
        with np.load(file) as tracks:
            if "points" in tracks:
                faces.append(resting(tracks["points"].astype(np.float64), tracks["frames"], file.stem))
    mean, mirror = mean_face([rest for rest, _ in faces], [wide for _, wide in faces])
    parts = parts_of(mean, mirror)
    content = {
        "sources": (
            f"Own estimate: MediaPipe's face landmarker on {len(faces)} clips, frames nearest to rest, x, y and z in "
            "millimetres on the axes of head3d.json, averaged and made symmetric."
        ),
        "parts": parts,
        "mirror": mirror.tolist(),
        "mean": mean.round(2).tolist(),
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in content.items()]
    target = Path(keypoints.__file__).with_name("mesh478.json")
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print({part: len(where) for part, where in parts.items()}, target)


if __name__ == "__main__":
    main()
