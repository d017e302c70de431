"""ExpressionTransformer behaves in pipelines as scikit-learn's own transformers do."""

import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

import mien
from drawn_faces import drawn_split
from mien.compat.sklearn import ExpressionTransformer

FACES = np.random.default_rng(1).integers(0, 256, (6, 48, 48), dtype=np.uint8)


def test_probabilities_are_the_recognizers_in_every_form_of_faces(tiny_model: Path) -> None:
    transformer = ExpressionTransformer(tiny_model).fit(FACES)
    wanted = mien.Recognizer(tiny_model).predict_probabilities(FACES)
    for faces in (FACES, FACES.reshape(6, -1), FACES.astype(float), FACES.tolist()):
        assert np.array_equal(transformer.transform(faces), wanted)
    assert transformer.n_features_in_ == 2304
    assert list(transformer.get_feature_names_out()) == list(mien.EMOTIONS)


def test_features_are_what_the_last_layer_reads() -> None:
    onnx = pytest.importorskip("onnx")
    transformer = ExpressionTransformer("fast", output="features").fit(FACES)
    features = transformer.transform(FACES)
    recognizer = transformer.recognizer_
    model = onnx.load(recognizer.path)
    assert features.shape == (6, len(transformer.get_feature_names_out()))
    session = recognizer._session
    sequence = recognizer.spec.sequence
    faces = FACES[:, np.newaxis].astype(np.float32) / 255
    weight, bias = session.run([sequence["weight"], sequence["bias"]], {"faces": faces})
    assert features @ weight.T + bias == pytest.approx(recognizer.predict_logits(FACES), abs=1e-3)
    assert model.graph.input[0].name == "faces"
    assert recognizer.predict_features(FACES[:0]).shape == (0, features.shape[1])


def test_it_works_in_a_pipeline_and_in_cross_validation() -> None:
    split = drawn_split("train", per_class=6, seed=1)
    pipeline = make_pipeline(
        ExpressionTransformer("fast", output="features"), LogisticRegression(max_iter=500)
    )
    scores = cross_val_score(pipeline, split.images, split.labels, cv=3)
    assert scores.mean() > 0.6  # seven classes: chance is 0.14


def test_it_is_cloned_pickled_and_put_into_frames(tiny_model: Path) -> None:
    pytest.importorskip("pandas")
    transformer = ExpressionTransformer(tiny_model, threads=1).fit(FACES)
    other = clone(transformer)
    assert other.get_params() == transformer.get_params()
    with pytest.raises(NotFittedError):
        other.transform(FACES)
    again = pickle.loads(pickle.dumps(transformer))
    assert np.array_equal(again.transform(FACES), transformer.transform(FACES))
    frame = transformer.set_output(transform="pandas").transform(FACES)
    assert list(frame) == list(mien.EMOTIONS)


@pytest.mark.parametrize(
    "check",
    [
        "check_estimator_cloneable",
        "check_estimator_repr",
        "check_estimator_tags_renamed",
        "check_valid_tag_types",
        "check_no_attributes_set_in_init",
        "check_parameters_default_constructible",
        "check_get_params_invariance",
        "check_set_params",
        "check_mixin_order",
    ],
)
def test_scikit_learns_own_checks_that_need_no_faces(check: str) -> None:
    getattr(estimator_checks, check)("ExpressionTransformer", ExpressionTransformer("fast"))


def test_faces_that_are_none_get_one_sentence(tiny_model: Path) -> None:
    transformer = ExpressionTransformer(tiny_model).fit(FACES)
    for wrong in (np.zeros((2, 10)), np.zeros((48, 48, 3)), np.zeros((0, 48, 48))):
        with pytest.raises(mien.InputError, match=r"faces must be \(N, 48, 48\) or \(N, 2304\)"):
            transformer.transform(wrong)
    for wrong in (FACES - 300.0, FACES * np.nan, FACES.astype("U")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(mien.InputError, match="grey levels from 0 to 255"):
                transformer.transform(wrong)
    with pytest.raises(mien.ConfigError, match="'probabilities' or 'features', got 'logits'"):
        ExpressionTransformer(tiny_model, output="logits").fit(FACES)
    with pytest.raises(mien.ModelError, match="does not expose its LSTM's outputs"):
        ExpressionTransformer(tiny_model, output="features").fit(FACES)


def test_without_scikit_learn_it_is_one_sentence() -> None:
    code = """
import sys
sys.modules["sklearn"] = None
import mien
try:
    import mien.compat.sklearn
except mien.MissingExtraError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (
        "requires scikit-learn, which is not installed: pip install 'mien[sklearn]'" in done.stdout
    )
