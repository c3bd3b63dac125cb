"""Draws thirty varied prompts with the sketch engine and lays them out on one sheet, to be looked at by a person.

    python -m benchmarks.contact_sheet OUT_DIR [--size 512] [--seed 7] [--only 3,9]

Each picture is also written by itself; the CPU time of each is printed.
"""

import argparse
import asyncio
import time
from pathlib import Path

import pyvips

from generator.engines.sketch import Sketch, SketchConfig, SketchRequest

PROMPTS = (
    "A red fox under a full moon in a snowy forest, watercolor",
    "Three red balloons in a blue sky",
    "A lighthouse on a rocky coast in a storm, oil painting",
    "Cyberpunk city street at night in the rain, neon",
    "An astronaut riding a horse on the moon, photo",
    "A bowl of oranges and a teapot on a wooden table, still life, oil painting",
    "Two black cats in a cozy living room at night",
    "A sailboat on a calm lake at sunset with mountains",
    "A dragon flying over a castle at dusk",
    "Cherry blossoms and a pagoda in front of mount fuji, woodblock print",
    "A camel in the desert at golden hour",
    "A school of tropical fish around a coral reef, underwater",
    "A knight in front of a castle, pixel art",
    "Portrait of a wizard, line art",
    "A vintage photo of a steam train in the mountains",
    "Isometric cottage with trees in winter",
    "An elephant and a giraffe in the savanna at sunrise",
    "A polar bear on the ice under the northern lights",
    "A rocket flying through a purple nebula in space",
    "Five white swans on a pond, misty morning, impressionist",
    "A robot watering flowers in a garden, children's book",
    "Black and white photograph of a bicycle in a rainy street",
    "A bouquet of tulips in pastel colors",
    "Hot air balloon over lavender fields in Provence",
    "A panda in a bamboo forest, stained glass",
    "A girl with an umbrella on a beach, comic book style",
    "A cup of coffee and a croissant, minimalist poster",
    "An owl on a tree under the stars, low poly",
    "Freedom and melancholy in blue and gold",
    "A village in autumn, pencil sketch",
)


async def draw_all(folder: Path, size: int, seed: int, chosen: list[int]) -> list[Path]:
    """Draws the chosen prompts, one picture after the other, and returns their files."""
    paths = []
    async with Sketch(SketchConfig(workers=1)) as sketch:
        for number in chosen:
            started = time.perf_counter()
            picture = await sketch.draw(
                SketchRequest(prompt=PROMPTS[number], width=size, height=size, seed=seed + number)
            )
            path = folder / f"{number + 1:02d}.png"
            path.write_bytes(picture.data)
            paths.append(path)
            taken = time.perf_counter() - started
            cost = f"cpu {picture.cpu_seconds:5.3f} s  wall {taken:5.3f} s  {len(picture.data) // 1024:5d} kB"
            print(f"{number + 1:2d}  {cost}  {PROMPTS[number]}")
            print(f"    drawn: {', '.join(picture.drawn)}   ignored: {', '.join(picture.ignored_words) or '-'}")
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", default="", help="numbers of prompts, from 1, with commas")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    chosen = [int(part) - 1 for part in options.only.split(",") if part] or list(range(len(PROMPTS)))
    paths = asyncio.run(draw_all(options.folder, options.size, options.seed, chosen))
    tiles = [pyvips.Image.new_from_file(str(path)).thumbnail_image(400) for path in paths]
    pyvips.Image.arrayjoin(tiles, across=min(5, len(tiles)), shim=8, background=255).pngsave(
        str(options.folder / "sheet.png")
    )
    print(f"sheet: {options.folder / 'sheet.png'}")


if __name__ == "__main__":
    main()
