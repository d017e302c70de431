"""Write the tables of the models' accuracy."""

from collections.abc import Mapping
from typing import Any, Final

from blocks import (
    ACCURACY,
    BENCHMARKS,
    block,
    count_hours,
    read_epochs,
    read_evaluation,
    read_json,
)
from blocks.paces import describe_machine
from mien.evaluation.corruptions import CORRUPTIONS, SEVERITIES
from mien.model.recognizer import ASSETS, MODELS, NETWORKS
from mien.model.spec import ModelSpec
from mien.training.cost import Cost, count_cost
from mien.training.model import CnnLstm
from mien.training.recipes import config_from_dict

VOTE: Final = ", vote of the seeds"
"""What benchmarks/study.py adds to a row's name."""
_VIEWS: Final = {
    "single": "single view",
    "flip": "mean with the mirror image",
    "single_without_train_copies": "single view, without copies of train images",
    "flip_without_train_copies": "mean with the mirror image, without copies of train images",
}


def write_headline() -> str:
    """Write the figures of the README's first screen, by votes and by FER2013's own label."""
    evaluation, labels = read_evaluation(), read_evaluation("fer2013")
    votes, single = evaluation["votes"], labels["views"]["single"]
    found, title = votes["plurality"], evaluation["data"]["title"]
    low, high = found["accuracy_interval"]
    told = (
        f"On **{found['accuracy']:.1%}** of {found['faces']:,} faces, the prediction is the word "
        f"that most people chose (ten FER+ votes per face, FER2013's {title}, single view; 95 % "
        f"interval {100 * low:.1f} to {100 * high:.1f} %). FER2013's own label, the search term "
        f"that found the picture, is that word on only {votes['label_agreement']:.0%} of the "
        f"faces. The model `fer2013` predicts this label: **{single['accuracy']:.1%}** of "
        f"{single['faces']:,} faces."
    )
    return block([told])


def write_votes() -> str:
    """Write how the models that answer with people's votes agree with them."""
    found = {name: read_evaluation(name) for name in NETWORKS}
    votes = {name: each["votes"] for name, each in found.items()}
    first = next(iter(votes.values()))
    title = next(iter(found.values()))["data"]["title"]
    counted = {
        "plurality": f"the word that most people chose, all {first['plurality']['faces']:,} faces",
        "majority": f"where a majority agrees, {first['majority']['faces']:,} faces",
        "eight_classes": "FER+'s own protocol with eight words, "
        f"{first['eight_classes']['faces']:,} faces",
    }
    rows = [
        f"| {title}, single view | {' | '.join(f'`{name}`' for name in found)} |",
        f"|---|{'--:|' * len(found)}",
    ]
    for key, what in counted.items():
        cells = (_with_interval(each[key], "accuracy", ".1%") for each in votes.values())
        rows.append(f"| {what} | {' | '.join(cells)} |")
    for key, what in (("plurality", "macro-F1, all faces"), ("majority", "with a majority")):
        cells = (
            f"{each[key]['macro_f1']:.3f} ({low:.3f} to {high:.3f})"
            for each in votes.values()
            for low, high in (each[f"{key}_macro_f1_interval"],)
        )
        rows.append(f"| {what} | {' | '.join(cells)} |")
    cells = (f"{each['cross_entropy']:.3f}" for each in votes.values())
    rows.append(
        f"| cross-entropy to the votes, nats (their own entropy: {first['entropy']:.3f}) | "
        f"{' | '.join(cells)} |"
    )
    return block(rows)


def _with_interval(figures: Mapping[str, Any], key: str, form: str) -> str:
    """Return a figure with its 95 % interval, in per cent."""
    low, high = figures[f"{key}_interval"]
    return f"{figures[key]:{form}} ({100 * low:.1f} to {100 * high:.1f})"


def _find_answers(evaluation: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """Return a model's figures against the labels it predicts, and a title that names them."""
    title = evaluation["data"]["title"]
    if evaluation.get("labels") == "votes":
        return evaluation["votes"]["plurality"], f"{title}, by the word that most people chose"
    return evaluation["views"]["single"], f"{title}, single view"


def write_accuracy(name: str) -> str:
    """Write a table of the views of the split."""
    evaluation = read_evaluation(name)
    title = evaluation["data"]["title"]
    rows = [
        f"| {title} | faces | accuracy | 95 % interval | macro-F1 | ECE | NLL |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for key, what in _VIEWS.items():
        view = evaluation["views"][key]
        low, high = view["accuracy_interval"]
        rows.append(
            f"| {what} | {view['faces']:,} | {view['accuracy']:.2%} | "
            f"{100 * low:.1f} to {100 * high:.1f} % | {view['macro_f1']:.3f} | "
            f"{view['ece']:.3f} | {view['nll']:.3f} |"
        )
    return block(rows)


def write_seeds() -> str:
    """Compare the former `accurate` with the result of its recipe for another seed."""
    evaluations = (read_evaluation("accurate-label"), read_evaluation("accurate-label-seed-2"))
    views = [evaluation["views"] for evaluation in evaluations]
    table = {
        what: [f"{view[key]['accuracy']:.2%}" for view in views] for key, what in _VIEWS.items()
    }
    for key, what in (("macro_f1", "macro-F1"), ("ece", "ECE"), ("nll", "NLL")):
        table[f"{what}, single view"] = [f"{view['single'][key]:.3f}" for view in views]
    title = evaluations[0]["data"]["title"]
    rows = [f"| {title} | seed 1 | seed 2 |", "|---|--:|--:|"]
    rows += [f"| {what} | {' | '.join(cells)} |" for what, cells in table.items()]
    return block(rows)


def write_per_class(name: str = "accurate") -> str:
    """Write a table of the classes, single view."""
    single, title = _find_answers(read_evaluation(name))
    rows = [f"| {title} | faces | precision | recall | F1 |", "|---|--:|--:|--:|--:|"]
    for label, row in single["per_class"].items():
        rows.append(
            f"| {label} | {row['faces']:,} | {row['precision']:.3f} | {row['recall']:.3f} | "
            f"{row['f1']:.3f} |"
        )
    return block(rows)


def write_confusion(name: str = "accurate") -> str:
    """Write the confusion matrix, single view: a row for each label."""
    single, title = _find_answers(read_evaluation(name))
    names = list(single["per_class"])
    corner = f"{title}: labelled, read as"
    rows = [f"| {corner} | {' | '.join(names)} |", f"|---|{'--:|' * len(names)}"]
    for i, (label, counts) in enumerate(zip(names, single["confusion"], strict=True)):
        cells = [f"**{count:,}**" if i == j else f"{count:,}" for j, count in enumerate(counts)]
        rows.append(f"| {label} | {' | '.join(cells)} |")
    return block(rows)


def write_calibration(name: str = "accurate") -> str:
    """Write how well the probabilities are calibrated."""
    evaluation = read_evaluation(name)
    found = evaluation["calibration"]
    if evaluation.get("labels") == "votes":
        votes = evaluation["votes"]
        told = (
            "A probability is the share of ten people who would choose the word. On "
            f"{evaluation['data']['title']}, single view, the cross-entropy to the votes is "
            f"{votes['cross_entropy']:.3f} nats, {votes['cross_entropy'] - votes['entropy']:.3f} "
            "above the entropy of the votes. Do not read it as the probability that the word is "
            "the plurality: for that it is too low (expected calibration error "
            f"{votes['plurality']['ece']:.3f}), because seven of ten people are already a "
            "plurality. That probability is the face's `certainty` (expected calibration error "
            f"{votes['certainty_ece']:.3f})."
        )
        return block([told])
    told = (
        f"On {evaluation['data']['title']}, single view, the expected calibration error is "
        f"{found['ece_after']:.3f} (before temperature scaling {found['ece_before']:.3f}) and the "
        f"negative log-likelihood {found['nll_after']:.3f} (before {found['nll_before']:.3f}); "
        f"the temperature is {found['temperature']:.3f}."
    )
    return block([told])


def write_provenance(name: str = "accurate") -> str:
    """Write the command, the model and the versions of an evaluation."""
    evaluation = read_evaluation(name)
    versions = ", ".join(
        f"{package} {number}" for package, number in evaluation["versions"].items()
    )
    return block(
        [
            f"- command: `{evaluation['command']}`",
            f"- model: SHA-256 `{evaluation['model']['sha256']}`",
            f"- made: {evaluation['created'][:10]}, with {versions}",
        ]
    )


def write_abstention() -> str:
    """Write coverage and accuracy at some thresholds, from the contract of `accurate`."""
    curve = ModelSpec.read(ASSETS / "accurate.json").abstention_curve
    rows = [f"| `accurate` on {curve.split} | threshold | answered | of these correct |"]
    rows.append("|---|--:|--:|--:|")
    for key, share in (
        ("coverage", 1),
        ("coverage", 0.9),
        ("coverage", 0.8),
        ("accuracy", 0.8),
        ("coverage", 0.5),
        ("accuracy", 0.9),
    ):
        point = curve.choose(**{key: share})
        rows.append(
            f"| `--{key} {share}` | {point.threshold:.3f} | {point.coverage:.0%} | "
            f"{point.accuracy:.1%} |"
        )
    return block(rows)


def write_model_index() -> str:
    """Write the card's metrics as Hugging Face reads them, for the models that ship."""
    lines = ["model-index:"]
    for name in MODELS:
        evaluation = read_evaluation(name)
        found, _ = _find_answers(evaluation)
        truth = "against FER2013's own label"
        ece, error = f"Expected calibration error {truth}", found["ece"]
        if evaluation.get("labels") == "votes":
            truth = "against the plurality of the FER+ votes"
            # The certainty predicts the plurality; a probability is a share of the votes.
            ece = f"Expected calibration error of the certainty {truth}"
            error = evaluation["votes"]["certainty_ece"]
        metrics = (
            ("accuracy", f"Accuracy {truth}", found["accuracy"]),
            ("f1", f"Macro-F1 {truth}", found["macro_f1"]),
            ("ece", ece, error),
        )
        lines += [
            f"  - name: mien {name}",
            "    results:",
            "      - task:",
            "          type: image-classification",
            "          name: Apparent facial expression",
            "        dataset:",
            "          type: msambare/fer2013",
            f"          name: FER2013, {evaluation['data']['title']}",
            f"          split: {evaluation['data']['split']}",
            "        metrics:",
        ]
        for kind, what, value in metrics:
            lines += [f"          - type: {kind}", f"            name: {what}"]
            lines += [f"            value: {value:.4f}"]
    return block(lines)


def write_models() -> str:
    """Write the accuracy and the cost of the models, side by side."""
    columns = {name: _describe_model(name) for name in NETWORKS}
    rows = [f"| | {' | '.join(f'`{name}`' for name in columns)} |", f"|---|{'--:|' * len(columns)}"]
    rows += [
        f"| {key} | {' | '.join(column[key] for column in columns.values())} |"
        for key in next(iter(columns.values()))
    ]
    return block(rows)


def _describe_model(name: str) -> dict[str, str]:
    """Return a model's column."""
    evaluation, spec = read_evaluation(name), ModelSpec.read(ASSETS / f"{name}.json")
    cost = _count(spec.training)
    votes, title = evaluation["votes"], evaluation["data"]["title"]
    column = {
        f"{title}, the word that most people chose": f"{votes['plurality']['accuracy']:.1%}",
        f"{title}, where a majority agrees": f"{votes['majority']['accuracy']:.1%}",
    }
    size = (ASSETS / f"{name}.onnx").stat().st_size / 1e6
    return column | {
        "macro-F1 by votes": f"{votes['plurality']['macro_f1']:.3f}",
        "cross-entropy to the votes, nats": f"{votes['cross_entropy']:.3f}",
        "parameters": f"{cost.parameters:,}",
        "multiply-accumulates per face": f"{cost.macs:,}",
        "convolutions": "int8" if "int8" in spec.training else "float32",
        "file": f"{size:.1f} MB",
    }


def _count(training: Mapping[str, Any]) -> Cost:
    """Count a network's cost from what its contract says of its training."""
    config = config_from_dict(dict(training["config"])).model
    return count_cost(CnnLstm(config, len(training["class_names"])))


def write_corruption_parameters() -> str:
    """Write what each severity of each corruption is."""
    head = " | ".join(map(str, SEVERITIES))
    rows = [f"| corruption | {head} | |", f"|---|{'--:|' * len(SEVERITIES)}---|"]
    for name, corruption in CORRUPTIONS.items():
        values = " | ".join(f"{value:g}" for value in corruption.parameters)
        rows.append(f"| {name} | {values} | {corruption.what} |")
    return block(rows)


def write_corruptions() -> str:
    """Write accuracy under each corruption, both networks side by side."""
    told = {name: read_json(ACCURACY / f"{name}-corruptions.json") for name in NETWORKS}
    first = next(iter(told.values()))
    title = f"{first['data']['title']}, read as most people chose, in per cent"
    rows = [
        f"| {title} | {' | '.join(f'`{name}`: 1 | 2 | 3 | 4 | 5 | mean' for name in told)} |",
        f"|---|{'--:|' * 6 * len(told)}",
    ]
    clean = (f"{100 * each['clean']['accuracy']:.1f}" for each in told.values())
    rows.append(f"| *as they are* | {' | '.join(f'| | | | | {value}' for value in clean)} |")
    for corruption in first["corruptions"]:
        cells = []
        for each in told.values():
            under = each["corruptions"][corruption]
            cells += [f"{100 * level['accuracy']:.1f}" for level in under["severities"]]
            cells += [f"**{100 * under['mean_accuracy']:.1f}**"]
        rows.append(f"| {corruption} | {' | '.join(cells)} |")
    means = (f"| | | | | **{100 * each['mean_accuracy']:.1f}**" for each in told.values())
    rows.append(f"| all | {' | '.join(means)} |")
    return block(rows)


def write_corruptions_by_class(name: str = "accurate") -> str:
    """Write each class's mean recall under each corruption."""
    found = read_json(ACCURACY / f"{name}-corruptions.json")
    classes = list(found["clean"]["recall"])
    title = f"`{name}`, {found['data']['title']}, by the votes: recall in per cent"
    rows = [f"| {title} | {' | '.join(classes)} |", f"|---|{'--:|' * len(classes)}"]
    clean = (f"{100 * found['clean']['recall'][label]:.0f}" for label in classes)
    rows.append(f"| *as they are* | {' | '.join(clean)} |")
    for corruption, under in found["corruptions"].items():
        cells = (f"{100 * under['mean_recall'][label]:.0f}" for label in classes)
        rows.append(f"| {corruption} | {' | '.join(cells)} |")
    return block(rows)


def write_crops() -> str:
    """Write how much accuracy detection and cropping cost."""
    measured = read_json(BENCHMARKS / "detector_crops.json")
    found = measured["figures"]
    return block(
        [
            (
                f"If the faces of {found['split']} are enlarged four times and read as photos, the "
                f"detector finds {found['found']:,} of {found['faces']:,}. On these, the accuracy "
                f"of `fer2013` is {found['accuracy_through_the_detector']:.1%} after detection and "
                f"cropping, and {found['accuracy_of_the_same_frames']:.1%} on FER2013's own crops "
                f"(FER2013's label; `{measured['command']}`)."
            )
        ]
    )


def write_second_look() -> str:
    """Write how many people a check against animals would leave out."""
    measured = read_json(BENCHMARKS / "second_look.json")
    found = measured["figures"]
    costs = found["share_of_people_below"]
    highest = {look: max(cost[look] for cost in costs) for look in costs[0]}
    return block(
        [
            (
                f"Of {found['pictures_of_animals']} photos of animals, {found['with_a_face']} gave "
                f"faces, {len(costs)} in all, and {found['named']} of these got an expression. To "
                f"leave out all {len(costs)}, a limit on the detector's score would also leave out "
                f"{highest['detection_score']:.0%} of {found['people']:,} photos of people (LFW), "
                f"one on the model's highest probability {highest['top_probability']:.0%}, and one "
                f"on the proportions of eyes and mouth {highest['proportions']:.0%}. mien "
                f"therefore has no such check. `{measured['command']}` measures this on your own "
                "pictures."
            )
        ]
    )


def write_few_faces() -> str:
    """Write the accuracy of fine-tuning `accurate` on few faces."""
    measured = read_json(BENCHMARKS / "few_faces.json")
    found: dict[int, dict[str, str]] = {}
    for row in measured["figures"]["rows"]:
        told = f"{row['accuracy']:.1%} ({100 * row['accuracy_sd']:.1f})"
        found.setdefault(row["faces_per_class"], {})[row["way"]] = told
    ways = list(next(iter(found.values())))
    mark = measured["figures"]["accuracy_of_added_probabilities"]
    return block(
        [
            f"| faces per class | {' | '.join(ways)} |",
            f"|--:|{'--:|' * len(ways)}",
            *(f"| {n} | {' | '.join(row[k] for k in ways)} |" for n, row in found.items()),
            "",
            (
                "The probabilities of `accurate`, summed over these classes, without any training: "
                f"{mark:.1%}. `{measured['command']}`"
            ),
        ]
    )


def write_fine_tune_time() -> str:
    """Write how long fine-tuning takes, and which instruction sets decide it."""
    measured = read_json(BENCHMARKS / "fine_tune_time.json")
    figures, machine = measured["figures"], measured["machine"]
    seconds = figures["processor_seconds"]
    return block(
        [
            (
                f"The {figures['epochs']} epochs of `fine-tune` on {figures['faces']} faces take "
                f"{seconds['all instruction sets']} s of one core ({machine['processor']}: "
                f"{', '.join(machine['instruction_sets'])}), and {seconds['AVX2']} s of the same "
                f"core without more than AVX2. `{measured['command']}`"
            )
        ]
    )


def write_worth_of_lstm() -> str:
    """Write the gain of the CNN-LSTM over its baseline, for each budget and split."""
    heads = (
        "CNN-LSTM (36 places, mean output), three seeds",
        "split",
        "its accuracy",
        "the CNN's",
        "gain in points (95 %)",
        "gain of the votes",
    )
    rows = [f"| {' | '.join(heads)} |", "|---|---|--:|--:|--:|--:|"]
    for group, budget in (
        ("heads", "6 epochs, against flatten and dense"),
        ("trained-out", "24 epochs, against flatten and dense"),
        ("trained-out-test", "24 epochs, against flatten and dense"),
        ("full", "70 epochs, against mean and dense"),
        ("full-test", "70 epochs, against mean and dense"),
    ):
        found = read_json(ACCURACY / "study" / f"{group}.json")
        summary = found["summary"]
        ours = next(name for name in summary if "36 places, mean output" in name)
        row, rival = summary[ours], summary[found["reference"]]
        low, high = row["gain_interval"]
        votes = f"{100 * summary[ours + VOTE]['gain']:+.2f}" if ours + VOTE in summary else ""
        rows.append(
            f"| {budget} | {found['split']} | {row['accuracy']:.2%} | {rival['accuracy']:.2%} | "
            f"{100 * row['gain']:+.2f} ({100 * low:+.2f} to {100 * high:+.2f}) | {votes} |"
        )
    return block(rows)


def write_models_in_order() -> str:
    """Write every model evaluated on the test split against FER2013's own label, by date."""
    found = {path.stem: read_json(path) for path in ACCURACY.glob("*.json")}
    models = {
        name: each
        for name, each in found.items()
        if "views" in each and each.get("labels") != "votes"
    }
    title = next(iter(models.values()))["data"]["title"]
    measures = (
        "single view",
        "with flip",
        "macro-F1",
        "ECE",
        "under 40 corruptions",
        "million MACs",
        "hours",
    )
    rows = [
        f"| {title}, calibrated on PublicTest | {' | '.join(measures)} |",
        f"|---|{'--:|' * len(measures)}",
    ]
    for name, each in sorted(models.items(), key=lambda item: str(item[1]["created"])):
        worse = found.get(f"{name}-corruptions")
        single, flip = each["views"]["single"], each["views"]["flip"]
        shown = f"**`{name}`**" if name in MODELS else f"`{name}`"
        trained = "accurate" if name == "fer2013" else name  # one trunk
        rows.append(
            f"| {shown} | {single['accuracy']:.1%} | {flip['accuracy']:.1%} | "
            f"{single['macro_f1']:.3f} | {single['ece']:.3f} | "
            f"{'' if worse is None else format(worse['mean_accuracy'], '.1%')} | "
            f"{_count(each['model']['training']).macs / 1e6:.0f} | "
            f"{count_hours(read_epochs(trained)):.1f} |"
        )
    return block(rows)


def write_study(group: str) -> str:
    """Write a group of the study, each row compared with the reference."""
    found = read_json(ACCURACY / "study" / f"{group}.json")
    measures = (
        "seeds",
        "accuracy (SD)",
        "gain (95 %)",
        "McNemar's p",
        "with flip",
        "without train copies",
        "macro-F1",
        "ECE",
        "parameters",
        "million MACs",
        "core hours",
    )
    rows = [
        f"| {found['split']}, last epoch | {' | '.join(measures)} |",
        f"|---|{'--:|' * len(measures)}",
    ]
    references = (found["reference"], found["reference"] + VOTE)
    for name, row in found["summary"].items():
        seeds = len(found["seeds"]) if name.endswith(VOTE) else row["runs"]
        spread = "" if row["accuracy_sd"] is None else f" ({100 * row['accuracy_sd']:.2f})"
        gain = p = "*reference*" if name in references else ""
        if "gain" in row:
            gain = f"{100 * row['gain']:+.2f}"
            if row["gain_interval"] is not None:
                low, high = row["gain_interval"]
                gain += f" ({100 * low:+.2f} to {100 * high:+.2f})"
            p = ", ".join(f"{value:.2g}" for value in row["mcnemar_p"])
        rows.append(
            f"| {name} | {seeds} | {row['accuracy']:.2%}{spread} | {gain} | {p} | "
            f"{row['accuracy_with_flip']:.2%} | {row['accuracy_without_train_copies']:.2%} | "
            f"{row['macro_f1']:.3f} | {row['ece']:.3f} | {row['parameters']:,} | "
            f"{row['macs'] / 1e6:.1f} | {row['cpu_hours']:.2f} |"
        )
    where = f"{describe_machine(found['machine'])}; `{found['command']}`"
    return block([*rows, "", where])
