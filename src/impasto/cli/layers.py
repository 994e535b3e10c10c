"""``impasto layers``: what each layer of a network knows of a picture, as two sheets."""

from pathlib import Path
from typing import TYPE_CHECKING

from impasto.checks import check_range
from impasto.cli.output import complain, print_json, progress_bar
from impasto.cli.startup import quick_start
from impasto.images.files import check_destination

if TYPE_CHECKING:
    from impasto.images.io import Picture
    from impasto.inference.layers import LayerStudy

TITLES = {
    "reconstruction": ("reconstructions", "From noise, pictures with the same features at a layer"),
    "strokes": ("strokes", "From the picture's own colours, pictures with a layer's statistics"),
}
"""Study -> end of the file's name, what the sheet says."""


def layers(
    picture: str,
    *,
    network: str = "lite",
    size: int = 256,
    steps: int = 100,
    device: str = "auto",
    seed: int = 0,
    output: str | None = None,
    overwrite: bool = False,
    json: bool = False,
) -> int:
    """Show what each layer of a network knows of a picture, as two labelled sheets.

    The first holds reconstructions from conv1_2, conv2_2, conv3_2, conv4_2 and conv5_2, the second
    brush strokes from one layer at a time; layers that the network lacks are left out and named.

    Args:
        picture: A photograph or painting.
        network: lite, vgg19 or a file of a VGG's weights.
        size: Long side of each picture in pixels.
        steps: Of the optimisation, at each scale.
        device: auto, cpu, cuda, cuda:1 or mps.
        seed: Of the noise they begin with.
        output: A folder for the sheets. Default: beside the picture.
        overwrite: Replace sheets that exist.
        json: One JSON document on standard output instead of paths.

    Returns:
        The exit code.

    Raises:
        ImpastoError: What is wrong with the wishes.

    Examples:
        impasto layers wave.jpg -o sheets
        impasto layers photo.jpg --size 400 --steps 200
    """
    check_range("--size", size, at_least=32)
    check_range("--steps", steps, at_least=1)
    folder, stem = Path(output) if output else Path(picture).parent, Path(picture).stem
    paths = {study: folder / f"{stem}-{end}.png" for study, (end, _) in TITLES.items()}
    for path in paths.values():
        check_destination(path, overwrite=overwrite)
    with quick_start():
        from impasto.images.io import read_picture
        from impasto.inference.layers import RECONSTRUCTED, STROKES, layers_of, study_layers

    source = read_picture(picture)
    studies = layers_of(network)
    missing = {*RECONSTRUCTED, *STROKES} - {layer for _, layer in studies}
    if missing:
        complain(f"{network} has no {', '.join(sorted(missing))}; these are left out.")
    found: list[LayerStudy] = []
    with progress_bar("studying", len(studies)) as show:
        for study in study_layers(
            source, network=network, studies=studies, size=size, steps=steps, device=device,
            seed=seed,
        ):  # fmt: skip
            found.append(study)
            show(len(found), note=study.layer)
    for name, path in paths.items():
        _write_sheet(source, name, [s for s in found if s.study == name], path, network)
    written = {name: str(path) for name, path in paths.items() if path.exists()}
    if json:
        taken = [{"study": s.study, "layer": s.layer} for s in found]
        print_json({"sheets": written, "studies": taken, "network": network, "seed": seed})
    else:
        print("\n".join(written.values()))
    return 0


def _write_sheet(
    source: "Picture", name: str, studies: "list[LayerStudy]", path: Path, network: str
) -> None:
    from impasto.images.io import Picture, read_picture
    from impasto.images.resize import fit_long_side
    from impasto.images.sheet import Cell, Row, contact_sheet

    if not studies:
        return
    largest = max(max(s.picture.size) for s in studies)
    photo = Picture(pixels=fit_long_side(source.pixels, largest)).to_pil()
    cells = [Cell(image=s.picture.to_pil(), name=s.layer) for s in studies]
    half = -(-len(cells) // (1 if len(cells) < 6 else 2))
    rows = [
        Row(photo=Cell(image=photo, name="the picture"), paintings=tuple(part))
        for part in (cells[:half], cells[half:])
        if part
    ]
    sheet = contact_sheet(rows, title=name, note=f"{TITLES[name][1]} of {network}.")
    read_picture(sheet).save(path)
