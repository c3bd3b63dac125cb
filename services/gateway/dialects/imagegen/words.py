"""Words of this API that are worked into a prompt, and the names of schedulers and samplers that are handed on: data, and one rule.

Source: imagegen-v2.md, "Text-to-Image Generation", and contract.md, "imagegen", Generation: `style` words are worked into the
prompt by a table; unknown words for scheduler, sampler, preset or style are warnings.
"""

from collections.abc import Mapping

PRESETS: Mapping[str, str] = {
    "3d_model": "3D render, physically based materials, soft studio light",
    "abstract": "abstract composition of shapes and colours",
    "analog_film": "analog film photograph, fine grain, faded colours",
    "anime": "anime illustration, clean line art, vibrant colours",
    "architectural": "architectural visualisation, precise lines, true materials",
    "cartoon": "cartoon, bold outlines, flat colours",
    "cinematic": "cinematic film still, shallow depth of field, dramatic composition",
    "comic_book": "comic book art, inked outlines, halftone shading",
    "concept_art": "concept art, atmospheric, matte painting",
    "cyberpunk": "cyberpunk, neon signs, rain-soaked futuristic city mood",
    "digital_art": "digital art, highly detailed",
    "enhance": "highly detailed, crisp focus, balanced light",
    "fantasy_art": "fantasy art, ethereal, intricate detail",
    "illustration": "editorial illustration, refined shapes",
    "isometric": "isometric view, clean geometry",
    "line_art": "line art, black ink on white paper",
    "low_poly": "low-poly 3D style, faceted surfaces",
    "minimalist": "minimalist, few elements, generous empty space",
    "modeling_compound": "modelled in clay, soft rounded shapes",
    "neon_punk": "neon punk, glowing magenta and cyan",
    "oil_painting": "oil painting, visible brush strokes, rich texture",
    "origami": "folded paper origami, crisp creases",
    "pencil_sketch": "pencil sketch, fine hatching",
    "photographic": "photograph, natural light, true to life",
    "photorealistic": "photorealistic, highly detailed, natural textures",
    "pixel_art": "pixel art, limited palette",
    "pop_art": "pop art, flat bright colours, bold outlines",
    "realistic": "realistic, natural proportions and light",
    "sketch": "hand-drawn sketch, loose lines",
    "steampunk": "steampunk, brass and gears, Victorian machinery",
    "surreal": "surreal, dreamlike",
    "synthwave": "synthwave, retro 1980s neon grid",
    "tile_texture": "seamless tile texture",
    "vintage": "vintage look, muted colours, worn edges",
    "watercolor": "watercolor painting, soft washes, paper texture",
}
"""What `style.preset` adds to the prompt."""

ARTISTIC_STYLES: Mapping[str, str] = {
    "abstract_expressionist": "in the abstract expressionist style",
    "art_deco": "in the Art Deco style",
    "art_nouveau": "in the Art Nouveau style",
    "baroque": "in the Baroque style",
    "bauhaus": "in the Bauhaus style",
    "constructivist": "in the constructivist style",
    "cubist": "in the cubist style",
    "dadaist": "in the Dadaist style",
    "expressionist": "in the expressionist style",
    "fauvist": "in the Fauvist style",
    "futurist": "in the futurist style",
    "gothic": "in the Gothic style",
    "impressionist": "in the impressionist style",
    "minimalist": "in the minimalist style",
    "modernist": "in the modernist style",
    "neoclassical": "in the neoclassical style",
    "pointillist": "in the pointillist style",
    "pop_art": "in the pop art style",
    "post_impressionist": "in the post-impressionist style",
    "pre_raphaelite": "in the Pre-Raphaelite style",
    "realist": "in the realist style",
    "renaissance": "in the Renaissance style",
    "rococo": "in the Rococo style",
    "romantic": "in the style of Romanticism",
    "surrealist": "in the surrealist style",
    "symbolist": "in the symbolist style",
    "ukiyo_e": "in the ukiyo-e woodblock style",
}
"""What `style.artistic_style` adds; the name of a movement, as `impressionism`, is its style's."""

LIGHTING: Mapping[str, str] = {
    "ambient": "soft ambient lighting",
    "backlit": "backlit",
    "blue_hour": "blue hour lighting",
    "bright": "bright even lighting",
    "candlelight": "candlelight",
    "cinematic": "cinematic lighting",
    "dark": "dark, low-key lighting",
    "dramatic": "dramatic lighting, strong contrast",
    "foggy": "diffuse foggy light",
    "golden_hour": "golden hour lighting",
    "hard": "hard directional light",
    "high_key": "high-key lighting",
    "low_key": "low-key lighting",
    "moonlight": "moonlight",
    "natural": "natural lighting",
    "neon": "neon lighting",
    "overcast": "overcast daylight",
    "rim": "rim lighting",
    "side": "side lighting",
    "soft": "soft lighting",
    "spotlight": "spotlight",
    "studio": "studio lighting",
    "sunlight": "bright sunlight",
    "sunset": "sunset light",
    "volumetric": "volumetric light rays",
}
"""What `style.lighting` adds."""

CAMERA_ANGLES: Mapping[str, str] = {
    "aerial": "aerial view",
    "birds_eye": "bird's-eye view",
    "close_up": "close-up shot",
    "drone": "drone shot from above",
    "dutch_angle": "Dutch angle",
    "extreme_close_up": "extreme close-up",
    "extreme_wide": "extreme wide shot",
    "eye_level": "eye-level shot",
    "fisheye": "fisheye lens",
    "from_above": "seen from above",
    "from_behind": "seen from behind",
    "from_below": "seen from below",
    "full_body": "full-body shot",
    "high_angle": "high-angle shot",
    "long_shot": "long shot",
    "low_angle": "low-angle shot",
    "macro": "macro shot",
    "medium_shot": "medium shot",
    "over_the_shoulder": "over-the-shoulder shot",
    "overhead": "overhead shot",
    "panoramic": "panoramic view",
    "point_of_view": "point-of-view shot",
    "portrait": "portrait framing",
    "profile": "profile view",
    "side_view": "side view",
    "telephoto": "telephoto lens",
    "tilt_shift": "tilt-shift lens",
    "top_down": "top-down view",
    "wide_angle": "wide-angle shot",
    "worms_eye": "worm's-eye view",
}
"""What `style.camera_angle` adds."""

STYLE_TABLES: Mapping[str, Mapping[str, str]] = {
    "preset": PRESETS,
    "artistic_style": ARTISTIC_STYLES,
    "lighting": LIGHTING,
    "camera_angle": CAMERA_ANGLES,
}
"""The fields of `style`, in the order in which their words are added."""

KEEP_THE_STYLE = "in the style of the source picture"
"""What `preserve.style` adds."""

SCHEDULERS = (
    "DPMSolverMultistep",
    "DPMSolverSinglestep",
    "DPM++2M",
    "DPM++2MKarras",
    "DDIM",
    "DDPM",
    "DEIS",
    "Euler",
    "EulerAncestral",
    "Heun",
    "HeunDiscrete",
    "K_EULER",
    "K_EULER_ANCESTRAL",
    "KarrasDPM",
    "LCM",
    "LMS",
    "PNDM",
    "UniPC",
)
SAMPLERS = (
    "ddim",
    "ddpm",
    "k_dpm_2",
    "k_dpm_2_a",
    "k_dpm_2_ancestral",
    "k_dpm_adaptive",
    "k_dpm_fast",
    "k_dpmpp_2m",
    "k_dpmpp_2m_karras",
    "k_dpmpp_2s_a",
    "k_dpmpp_2s_ancestral",
    "k_dpmpp_sde",
    "k_euler",
    "k_euler_a",
    "k_euler_ancestral",
    "k_heun",
    "k_lms",
    "lcm",
    "plms",
    "uni_pc",
)

_SPELLINGS = {" ": "_", "-": "_", "'": "", "’": ""}


def plain(word: str) -> str:
    """A word as the tables have it: lower case, joined by underscores, without apostrophes."""
    word = word.strip().lower()
    for written, meant in _SPELLINGS.items():
        word = word.replace(written, meant)
    return word


def style_words(field: str, word: str) -> str | None:
    """What a word of `style` adds to the prompt, None where the table of its field does not know it."""
    table, known = STYLE_TABLES[field], plain(word)
    return table.get(known) or table.get(known.removesuffix("ism") + "ist")


def known_name(name: str, names: tuple[str, ...]) -> str | None:
    """The name as the list writes it, whatever its case; None where it is not there."""
    wanted = plain(name)
    return next((known for known in names if plain(known) == wanted), None)
