"""Drawing a request: the prompt becomes a scene, the scene a composition, the composition pixels, the pixels a finished picture."""

from dataclasses import dataclass

from generator.engines.sketch.finish import finish
from generator.engines.sketch.lexicon import Lexicon
from generator.engines.sketch.paint.raster import Pixels
from generator.engines.sketch.parse import parse
from generator.engines.sketch.repaint import repainted
from generator.engines.sketch.request import SketchRequest
from generator.engines.sketch.scene import Scene
from generator.engines.sketch.staging import painted


@dataclass(frozen=True)
class Drawn:
    """A finished picture, (height, width, 3), sRGB 0 to 1, and the scene it shows."""

    pixels: Pixels
    scene: Scene


def draw(request: SketchRequest, lexicon: Lexicon) -> Drawn:
    """Draws the request. Raises EngineRefused for an unreadable init image or mask."""
    scene = parse(request.prompt, request.negative_prompt, lexicon)
    if request.init_image is not None and (request.strength < 1.0 or request.mask is not None):
        return Drawn(repainted(request, scene, lexicon), scene)
    stage = painted(scene, request.width, request.height, request.seed, lexicon)
    finish(stage)
    return Drawn(stage.pixels, scene)
