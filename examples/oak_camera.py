"""Paint what a camera sees, with what impasto export --to oak wrote.

python examples/oak_camera.py wave.xml frames painted     a folder of frames or a film; no camera
python examples/oak_camera.py wave.rvc2.tar.xz            an OAK-1, through DepthAI v3
"""

import sys
from pathlib import Path

import numpy as np

import impasto
from impasto.images.formats import find_pictures
from impasto.images.resize import resize


def frames(source: Path):
    """Pictures (1, 3, H, W) in [0, 1] of a folder or a film."""
    if source.is_dir():
        for path in find_pictures(source):
            yield impasto.read_picture(path).pixels
        return
    import av

    with av.open(str(source)) as film:
        for frame in film.decode(video=0):
            yield impasto.read_picture(frame.to_ndarray(format="rgb24")).pixels


def on_this_machine(model: str, source: Path, target: Path) -> None:
    import openvino

    network = openvino.Core().compile_model(model, "CPU")
    height, width = network.input(0).shape[2:]
    for number, pixels in enumerate(frames(source)):
        content = (resize(pixels, (height, width)).numpy() * 255).round().astype(np.uint8)
        painted = network(np.ascontiguousarray(content[:, ::-1]))[0]  # BGR, as the camera's
        impasto.read_picture(painted[0, ::-1].transpose(1, 2, 0)).save(target / f"{number:05}.png")
        print(target / f"{number:05}.png")


def on_the_camera(archive: str) -> None:
    import cv2
    import depthai

    with depthai.Pipeline() as pipeline:
        camera = pipeline.create(depthai.node.Camera).build()
        network = pipeline.create(depthai.node.NeuralNetwork)
        answers = network.build(camera, depthai.NNArchive(archive)).out.createOutputQueue()
        pipeline.start()
        while pipeline.isRunning() and cv2.waitKey(1) != ord("q"):
            painted = np.asarray(answers.get().getFirstTensor())[0].transpose(1, 2, 0)
            cv2.imshow("impasto", painted.astype(np.uint8))


if len(sys.argv) == 2:
    on_the_camera(sys.argv[1])
else:
    on_this_machine(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
