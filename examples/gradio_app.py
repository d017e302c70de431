"""A Gradio app around mien: a photo in, the annotated photo and the expressions out.

pip install gradio mien
python gradio_app.py
"""

import gradio as gr
import numpy as np

import mien

analyzer = mien.Analyzer()


def read(image: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
    """Return the annotated photo, (H, W, 3) uint8, and the largest face's probabilities."""
    result = analyzer.analyze(image)
    drawn = np.asarray(mien.annotate(image, result))
    read_faces = [face.probabilities for face in result.faces if face.probabilities is not None]
    return drawn, dict(read_faces[0]) if read_faces else {}


app = gr.Interface(
    read,
    gr.Image(label="Photo"),
    [gr.Image(label="Faces"), gr.Label(label="Largest face", num_top_classes=7)],
    title="mien",
    description="Reads the apparent expression of faces: the word people would most likely choose, "
    "not what anyone feels. Photos are not stored.",
    flagging_mode="never",
    analytics_enabled=False,
)

if __name__ == "__main__":
    app.launch()
