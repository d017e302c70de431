"""Read the faces of many photos on many machines, in any engine that distributes tables."""

from mien.cluster.batch_reader import BatchReader as BatchReader
from mien.cluster.ray_data import read_faces as read_faces
