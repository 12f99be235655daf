"""Train a digit classifier on scikit-learn's 1,797 real scans and write datasets and models as plain folders.

    model.py dataset FOLDER [--flip-share 0.6] [--seed N]     writes train.csv and card.json
    model.py train DATASET_FOLDER MODEL_FOLDER                writes weights.json and card.json

Models are JSON, never pickle: a folder that came over the network is loaded without running code from it.
"""
import argparse
import csv
import json
import pathlib

import numpy
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression


def split():
    """Fixed split: 1,300 scans to train on, 497 kept aside as labelled traffic."""
    digits = load_digits()
    order = numpy.random.RandomState(20).permutation(len(digits.data))
    train, live = order[:1300], order[1300:]
    return (digits.data[train] / 16.0, digits.target[train]), (digits.data[live] / 16.0, digits.target[live])


def write_rows(path, pixels, labels):
    with open(path, "w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["label"] + [f"p{i}" for i in range(64)])
        for row, label in zip(pixels, labels):
            writer.writerow([int(label)] + [round(float(p), 4) for p in row])


def read_rows(path):
    with open(path, newline="", encoding="utf-8") as lines:
        rows = list(csv.reader(lines))[1:]
    table = numpy.array(rows, dtype=float)
    return table[:, 1:], table[:, 0].astype(int)


def make_dataset(folder, flip_share, seed):
    (pixels, labels), _ = split()
    labels = labels.copy()
    chosen = numpy.random.RandomState(seed).permutation(len(labels))[: int(len(labels) * flip_share)]
    # A flipped label is the next digit: what a label-flipping attacker would do.
    labels[chosen] = (labels[chosen] + 1) % 10
    folder.mkdir(parents=True)
    write_rows(folder / "train.csv", pixels, labels)
    (folder / "card.json").write_text(json.dumps({"rows": len(labels), "source": "scikit-learn load_digits"}) + "\n")


def train(dataset, folder):
    pixels, labels = read_rows(dataset / "train.csv")
    classifier = LogisticRegression(max_iter=400).fit(pixels, labels)
    folder.mkdir(parents=True)
    weights = {"classes": classifier.classes_.tolist(), "coefficients": classifier.coef_.tolist(),
               "intercepts": classifier.intercept_.tolist()}
    (folder / "weights.json").write_text(json.dumps(weights))
    (folder / "card.json").write_text(json.dumps({"task": "digits", "inputs": 64, "classes": 10}) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    dataset = commands.add_parser("dataset")
    dataset.add_argument("folder", type=pathlib.Path)
    dataset.add_argument("--flip-share", type=float, default=0.0)
    dataset.add_argument("--seed", type=int, default=7)
    training = commands.add_parser("train")
    training.add_argument("dataset", type=pathlib.Path)
    training.add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.command == "dataset":
        make_dataset(arguments.folder, arguments.flip_share, arguments.seed)
    else:
        train(arguments.dataset, arguments.folder)


if __name__ == "__main__":
    main()
