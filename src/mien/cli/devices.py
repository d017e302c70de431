"""`mien devices`: list the devices that networks can run on."""

from rich.console import Console
from rich.table import Table

from mien.devices import DEVICES, choose_devices, list_devices


def devices() -> None:
    """List the devices that networks can run on.

    ```console
    $ mien devices
    $ mien analyze holiday/ --device cuda --output faces.csv
    ```

    The installed onnxruntime determines which are available; for each of the others, the package
    to install instead is shown.
    """
    table = Table("device", "available", "package", box=None, pad_edge=False)
    there = list_devices()
    for device in DEVICES:
        table.add_row(device.name, "yes" if there[device.name] else "no", device.package)
    console = Console(highlight=False)
    console.print(table)
    console.print(f"auto is {choose_devices('auto')[0].name}")
