"""Take training steps in Keras 3 on TensorFlow, as benchmarks/training_peers.py asks.

Command: python steps_of_keras.py MODEL KIND THREADS BATCH, in an environment with keras and
tensorflow-cpu, with KERAS_BACKEND=tensorflow. MODEL is a `ModelConfig` in JSON with the head
`lstm`; KIND is `graph`, `xla`, `graph-bfloat16` or `xla-bfloat16`. Each line of the input is a
number of steps, which is answered with their wall seconds and processor seconds.
"""

import json
import sys
import time

import keras
import numpy as np
import tensorflow as tf
from keras import layers

model, kind = json.loads(sys.argv[1]), sys.argv[2]
threads, batch = int(sys.argv[3]), int(sys.argv[4])
tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(1)
keras.utils.set_random_seed(1)
keras.config.set_image_data_format("channels_last")
if kind.endswith("bfloat16"):
    keras.config.set_dtype_policy("mixed_bfloat16")

x = inputs = keras.Input((48, 48, 1))
for width, depth, dropout in zip(
    model["widths"], model["depths"], model["block_dropout"], strict=True
):
    for _ in range(depth):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.MaxPooling2D()(x)
    if dropout:
        x = layers.SpatialDropout2D(dropout)(x)
x = layers.Reshape((36, model["widths"][-1]))(x)
# As in mien, the LSTM is in float32 in both precisions.
x = layers.LSTM(model["units"], return_sequences=True, dtype="float32")(x)
x = layers.Dropout(model["head_dropout"])(layers.GlobalAveragePooling1D()(x))
net = keras.Model(inputs, layers.Dense(7, dtype="float32")(x))
net.compile(
    keras.optimizers.AdamW(1e-3, weight_decay=0.05),
    keras.losses.CategoricalCrossentropy(from_logits=True),
    jit_compile=kind.startswith("xla"),
)

rng = np.random.default_rng(1)
faces = tf.constant(rng.random((batch, 48, 48, 1), dtype=np.float32))
targets = tf.constant(np.eye(7, dtype=np.float32)[rng.integers(0, 7, batch)])
net.make_train_function()
data = iter(tf.data.Dataset.from_tensors((faces, targets)).repeat())

parameters = sum(int(np.prod(weights.shape)) for weights in net.trainable_variables)
print(json.dumps({"parameters": parameters}), flush=True)
for line in sys.stdin:
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(int(line)):
        net.train_function(data)
    float(net.trainable_variables[0][0, 0, 0, 0])  # waits for the last step
    print(json.dumps([time.perf_counter() - began, time.process_time() - cpu]), flush=True)
