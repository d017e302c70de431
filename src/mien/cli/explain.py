"""`mien explain`: draw which parts of a face a prediction is based on."""

import json as json_format
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.text import Text

from mien.cli import exit_codes
from mien.devices import DeviceName
from mien.drawing.fonts import open_drawable
from mien.errors import ConfigError, ImageError, OutputError, describe_error
from mien.faces.crop import is_too_small
from mien.faces.detector import FaceDetector
from mien.faces.face import Face
from mien.faces.options import DETECTOR_SIZE
from mien.files import replacing
from mien.images import read_picture


def explain(
    photo: Path,
    /,
    *,
    output: Path | None = None,
    face: int = 1,
    emotion: str | None = None,
    model: str = "accurate",
    device: DeviceName = "cpu",
    detector_size: int = DETECTOR_SIZE,
    json: bool = False,
    lang: str = "en",
) -> int:
    """Show which parts of a face a prediction is based on.

    ```console
    $ mien explain photo.jpg
    $ mien explain group.jpg --face 3 --emotion surprise --output explained.png
    ```

    The picture shows the face as the model sees it; how much the probability of the emotion falls
    if a part of the face is covered; and the LSTM's 36 steps over the face, with the prediction
    after each. It explains the model, not the person.

    Args:
        photo: The picture to read.
        output: The file to draw into: .png, .jpg or .webp; by default NAME-explained.png.
        face: Which face: 1 is the largest, as `mien analyze` counts them.
        emotion: What to explain; by default the most probable one.
        model: `accurate`, `fast`, `fer2013`, or the path of an .onnx file with its .json.
        device: Device of the networks, one of those in `mien devices`; `auto` uses the best.
        detector_size: Longer side of the picture for face detection, in pixels.
        json: Print the explanation's figures as JSON; draw only if there is an --output.
        lang: Language of the picture: en, de, fr, es, it, pt, nl, ru, ar, he, ja or zh.
    """
    from mien.explain.explanation import explain_face
    from mien.explain.picture import draw_explanation
    from mien.model.recognizer import Recognizer

    target = output or Path(f"{photo.stem}-explained.png")
    if target.suffix.lower() not in _FORMATS:
        raise ConfigError(f"--output must be a .png, .jpg or .webp file, got {target}")
    if target.exists() and photo.exists() and target.samefile(photo):
        raise ConfigError(f"--output would overwrite the photo {photo}: choose another file")

    open_drawable(lang)  # refused before the photo is read
    recognizer = Recognizer(model, device=device)
    image = read_picture(photo).pixels
    detector = FaceDetector(detector_size=detector_size, device=device)
    chosen = _choose_face(photo, detector.detect(image), face)
    if chosen is None:
        print(f"mien: no face found in {photo}", file=sys.stderr)
        return exit_codes.INCOMPLETE
    explanation = explain_face(recognizer.crop(image, chosen), recognizer, emotion=emotion)
    if json:
        about = {"schema": 1, "source": str(photo), "face": face, "model": recognizer.spec.name}
        print(json_format.dumps(about | explanation.to_dict()))
        if output is None:
            return exit_codes.OK

    _save(draw_explanation(explanation, lang=lang), target)
    console = Console(highlight=False, stderr=json)
    probability = explanation.probabilities[explanation.emotion]
    console.print(Text(f"{explanation.emotion} {probability:.0%}  {target}"), soft_wrap=True)
    if explanation.walk is None:
        console.print(
            "this model's contract does not describe its LSTM, so the steps are not drawn"
        )
    return exit_codes.OK


def _save(picture: Image.Image, target: Path) -> None:
    """Write the picture in the format of its extension.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as partial:
            picture.save(partial, format=_FORMATS[target.suffix.lower()])
    except OSError as error:
        raise OutputError(
            f"{target} cannot be written: {describe_error(error)}; choose another --output"
        ) from error


def _choose_face(photo: Path, faces: Sequence[Face], number: int) -> Face | None:
    """Return the face of a number, from 1; None where there is no face at all."""
    if not faces:
        return None
    if not 1 <= number <= len(faces):
        raise ConfigError(f"{photo} has {len(faces)} face(s); --face must be 1 to {len(faces)}")
    if is_too_small(faces[number - 1]):
        raise ImageError(f"face {number} of {photo} is too small to be read")
    return faces[number - 1]


_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
