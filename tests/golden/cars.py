#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cars seen from straight above: hand-made boxes for frames of a video.

cars.py VIDEO FOLDER [NAME]  decodes the labelled frames of car-detection.mp4 (Intel's sample
                             videos, CC-BY-4.0) into FOLDER/train and FOLDER/validation and writes
                             FOLDER/train.json, FOLDER/train10.json (ten frames of it) and
                             FOLDER/validation.json as COCO has them. The category is COCO's car
                             (id 3), or of that name.
cars.py --check              checks the stored boxes.

How the boxes of data/cars.json were made, and what a car is there, stands in README.md.
"""
import hashlib
import json
import pathlib
import sys

LABELS = pathlib.Path(__file__).resolve().parent / "data" / "cars.json"
GAP = 50  # frames at least that lie between the two parts


def sets(labels):
    frames = labels["frames"]
    train = [f for f in frames if f["split"] == "train"]
    return {"train": train,
            "train10": [f for f in train if f.get("few")],
            "validation": [f for f in frames if f["split"] == "validation"]}


def check(labels):
    parts = sets(labels)
    inside = lambda x, y, w, h: (x >= 0 and y >= 0 and w > 0 and h > 0 and
                                 x + w <= labels["width"] and y + h <= labels["height"])
    numbers = [f["frame"] for f in labels["frames"]]
    assert numbers == sorted(set(numbers)), "frames are out of order, or twice there"
    for f in labels["frames"]:
        assert all(inside(*box) for box in f["cars"] + f["cut"]), "frame %d" % f["frame"]
    assert parts["validation"][0]["frame"] - parts["train"][-1]["frame"] >= GAP, "no gap"
    assert len(parts["train10"]) == 10
    assert sum(1 for f in labels["frames"] if f["cars"]) >= 60
    for name, frames in parts.items():
        print("%-10s %3d frames, %3d cars, %3d cut by the border" %
              (name, len(frames), sum(len(f["cars"]) for f in frames),
               sum(len(f["cut"]) for f in frames)))


def annotations(frame, parked):
    boxes = [(box, 0) for box in frame["cars"]] + [(box, 1) for box in frame["cut"] + [parked]]
    return [{"id": frame["frame"] * 100 + i + 1, "image_id": frame["frame"], "category_id": 3,
             "bbox": box, "area": box[2] * box[3], "iscrowd": crowd}
            for i, (box, crowd) in enumerate(boxes)]


def coco(frames, labels, name):
    return {"images": [{"id": f["frame"], "file_name": "%04d.jpg" % f["frame"],
                        "width": labels["width"], "height": labels["height"]} for f in frames],
            "annotations": [a for f in frames for a in annotations(f, labels["parked"])],
            "categories": [{"id": 3, "name": name}]}


def decode(video, folder, labels):
    import cv2
    wanted = {f["frame"]: f["split"] for f in labels["frames"]}
    reader = cv2.VideoCapture(str(video))
    for number in range(max(wanted) + 1):
        ok, picture = reader.read()
        if not ok:
            sys.exit("%s: ends after %d frames" % (video, number))
        if number in wanted:
            cv2.imwrite(str(folder / wanted[number] / ("%04d.jpg" % number)), picture,
                        [cv2.IMWRITE_JPEG_QUALITY, 95])


def main(args):
    labels = json.loads(LABELS.read_text())
    if args == ["--check"]:
        check(labels)
        return
    if len(args) not in (2, 3):
        sys.exit(__doc__)
    video, folder = pathlib.Path(args[0]), pathlib.Path(args[1])
    if hashlib.sha256(video.read_bytes()).hexdigest() != labels["sha256"]:
        sys.exit("%s: not the video that the boxes belong to (SHA-256 differs)" % video)
    for part in ("train", "validation"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    decode(video, folder, labels)
    for name, frames in sets(labels).items():
        (folder / (name + ".json")).write_text(json.dumps(coco(frames, labels, (args + ["car"])[2])))


main(sys.argv[1:])
