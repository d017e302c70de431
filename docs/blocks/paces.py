"""Write the measured pace of the data loader, beside that of training steps."""

from blocks import BENCHMARKS, block, read_json


def write_loader_speed() -> str:
    """Write how the data loader and augmentation compare with training steps."""
    measured = read_json(BENCHMARKS / "loader_speed.json")
    found, machine = measured["figures"], measured["machine"]
    loader, augmentation = found["loader_over_training"], found["augmentation_over_training"]
    sentence = (
        f"The data loader prepares {found['faces_per_processor_s']['loader']:,} faces per "
        f"second of processor time: {loader['accurate']:,} times as many as a training step of "
        f"`accurate` uses, and {loader['fast']:,} times as many as one of `fast`. Augmentation "
        f"runs on the training device, at {augmentation['accurate']:.0f} and "
        f"{augmentation['fast']:.0f} times the pace of these steps. On {machine['cores']} "
        f"cores of an {machine['processor']} ({', '.join(machine['instruction_sets'])}), with "
        f"other load: `{measured['command']}`."
    )
    return block([sentence])
