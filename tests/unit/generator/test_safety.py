"""What the shipped rules refuse and let pass, and how a disguised word is read."""

import itertools
import time

import pytest

from generator.safety import Rule, Safety, read_rules
from generator.safety.folding import Reader
from generator.safety.phrases import Phrasebook, parse_phrase
from gesso.billing.v1.billing_pb2 import CallerClaims
from gesso.errors.v1 import reason_pb2 as reasons
from servicekit.faults import Fault

BOOK = read_rules()
SAFETY = Safety(BOOK)
RULES = {rule.id: rule for rule in BOOK.rules}


def broken(prompt: str) -> list[str]:
    return [rule.id for rule in SAFETY.broken(prompt)]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_refuses_its_examples(rule: Rule) -> None:
    assert rule.refuses
    assert [example for example in rule.refuses if rule.id not in broken(example)] == []


@pytest.mark.parametrize("rule", [rule for rule in RULES.values() if rule.passes], ids=lambda rule: rule.id)
def test_what_a_rule_says_passes_breaks_no_rule(rule: Rule) -> None:
    assert {example: broken(example) for example in rule.passes if broken(example)} == {}


def test_every_exception_lets_an_example_pass() -> None:
    words = Reader(())
    examples = [words.words(example) for rule in RULES.values() for example in rule.passes]
    texts = {text for rule in RULES.values() for text in rule.exceptions if not text.startswith("@")}
    texts |= {text for name, phrases in BOOK.lists.items() if name.endswith("_senses") for text in phrases}

    def is_shown(text: str) -> bool:
        book = Phrasebook((phrase, None) for phrase in parse_phrase(text))
        return any(True for example in examples for _ in book.spans(example))

    assert sorted(text for text in texts if not is_shown(text)) == []


DISGUISES = [
    *("NUDE", "nudé", "nüde", "ｎｕｄｅ", "𝓃𝓊𝒹𝑒", "nud\u200be", "nu\u00adde", "ŋude", "nuᴅe", "nuԁе"),
    *("nud3", "N4K3D", "n!pple", "b00bs", "topl3ss", "t1ts", "@nal", "$ex", "5ex", "s3x", "p0rn", "pr0n", "h3nt@i"),
    *(
        "n u d e",
        "N U D E",
        "n.u.d.e",
        "n-u-d-e",
        "n_u_d_e",
        "n. u. d. e.",
        "a n u d e girl",
        "n u d 3",
        "nu-de",
        "nu.de",
    ),
    *(
        "nuuuude",
        "nudeee",
        "boooobs",
        "n*de",
        "n**e",
        "f*cking the woman",
        "(nude:1.3)",
        "((nude))",
        "[nude]",
        "<nude>",
    ),
    *("nude,woman", "nude/woman", "nude_woman", "“nude”", "**nude**", "nude!!!", "#nude", "nude🔥", "woman\nnude"),
    *("gor3", "r@pe", "deep-fake", "k1ke", "su1cide"),
    *("naked, eye", "nude! color palette", "a woman, naked. Eye contact"),
]


@pytest.mark.parametrize("prompt", DISGUISES)
def test_a_word_is_seen_behind_its_disguise(prompt: str) -> None:
    assert broken(prompt)


@pytest.mark.parametrize(
    "prompt",
    [
        *("ch1ld p0rn", "c h i l d  n u d e", "nude 14-yo", "n a k e d  t e e n", "nude\n\nchild", "NUDE CHILD"),
        *("naked\u200bchild", "naked\u00adchild", "naked\u3164child", "naked\u2800child", "na\u200bked chi\u200bld"),
    ],
)
def test_what_sexualizes_minors_is_seen_behind_its_disguise(prompt: str) -> None:
    assert "sexual_minors/undressed" in broken(prompt)


INNOCENT = """
A bowl of blood orange salad with fennel on a marble table
photographer about to shoot a photo of the skyline at dusk
killer whale breaching in the Arctic, national geographic
soft nude tones, beige and terracotta color palette
a comet that the naked eye can see over a lake
a naked mole rat colony in cross-section, scientific illustration
chicken breast with rosemary, food photography
roast turkey breast on a wooden board
breast cancer awareness ribbon, pink background
mammogram machine in a bright clinic
breastfeeding mother in a sunlit nursery, watercolor
medical illustration of the female reproductive system, labelled
anatomy of the penis, medical textbook plate
open heart surgery, documentary photo
midwife checking a pregnant belly
urologist with a model of the prostate
vaccine syringe, injection into an arm
a cut finger with a plaster, first aid leaflet
autopsy room in a crime series, empty, cold light
Rembrandt, The Anatomy Lesson of Dr. Nicolaes Tulp
Michelangelo's David in the Accademia, Florence
The Birth of Venus by Botticelli
Rubens, The Three Graces, oil on wood
Goya, Saturn Devouring His Son
a reclining nude by Modigliani in a museum
bare-chested wrestlers on an ancient Greek vase
cocktail bar menu, neon cocktails, hand lettering
a cock crowing at dawn on a farm fence
peacock feathers, macro
shuttlecock in mid-air, high speed photograph
Dick Tracy comic cover, yellow coat
Moby Dick, the white whale, engraving
spotted dick pudding with custard
blue-footed booby on the Galapagos
a blue tit on a birch branch
sperm whale and giant squid, engraving
graduation card, magna cum laude
Essex countryside, map of Sussex and Middlesex
wedding logo for E S S E X  M A N O R
sextant and compass on an old map
bass guitar and brass band, classic jazz poster
Massachusetts bridge with a passenger train
grapes and drapes in a therapist's office
Scunthorpe town hall in winter
assassin in the rooftops, parkour
analog camera beside a canal, analysis chart
cumulus clouds over cucumber fields, document scan
bloody mary cocktail with celery
blood moon over the Sierra Nevada
Day of the Dead sugar skulls
zombie walking through fog, cinematic
a knight with a sword fighting a dragon
a soldier of the First World War writing a letter
antique dueling pistol in a museum case
fireworks, cherry bombs and bath bombs in a shop window
bomb disposal robot, technical drawing
a baby sleeping in a crib, soft light
little girl in a yellow raincoat jumping in puddles
teenagers playing volleyball on the beach
kids in swimsuits at a pool party
a 7 year old boy blowing out birthday candles
newborn photography, wrapped in a blanket
sexy red sports car on a mountain road
sexy saxophone solo in A minor
sensual swirl of chocolate and cream
lingerie store front in Paris, rain
barefoot runner on wet sand
Hindu temple with an ancient swastika motif in stone, Rajasthan
Holocaust memorial in Berlin, grey stelae
immigrant family arriving at Ellis Island, 1905
spic-and-span kitchen, white tiles
Niger river at sunset, Nigerian market
nigiri sushi platter
Maine coon cat portrait
Dutch dyke with windmills
a cannabis leaf, botanical drawing
methane molecule model
passport photo, neutral background
fake fur coat on a model
hanging lamp and a hangman game on paper
cutting board with vegetables
kill two birds with one stone, illustration
To Kill a Mockingbird book cover
murder mystery dinner invitation
brutal death metal album cover, unreadable logo
brutalist architecture, graphic novel panel
Gore-Tex hiking boots
XXL hoodie mock-up, size xxx large
rapeseed oil bottle, label design
drape, scrape and grape: a typographic poster
whisky, 12 years old, oak cask
queen of hearts playing card
4k, 8k, 35mm, f/1.4, ISO 100, 1920s, 3d render
1 0 1 dalmatians, a b c blocks, aaa battery
U.S.A. flag and an N.A.S.A. rocket
夕暮れの港に立つ老いた漁師の写真
Ein altes Fischerboot im Hafen, Ölgemälde
Старый рыбак в гавани, масло
""".strip().splitlines()


@pytest.mark.parametrize("prompt", INNOCENT)
def test_an_innocent_prompt_breaks_no_rule(prompt: str) -> None:
    assert broken(prompt) == []


def test_what_is_near_counts_only_within_reach() -> None:
    far = " ".join(["tree"] * 40)
    assert broken("a nude statue") == []
    assert "sexual_minors/undressed" in broken("a naked man beside a child")
    assert broken(f"a naked man {far} a child") == ["sexual/nudity"]


def refusal(safety: Safety, prompt: str, claims: CallerClaims) -> Fault:
    with pytest.raises(Fault) as raised:
        safety.check(prompt, claims)
    return raised.value


def test_a_refusal_names_its_field_cause_suggestion_and_stage_as_the_document_does() -> None:
    fault = refusal(SAFETY, "a nude woman", CallerClaims())
    assert (fault.reason, fault.message) == (reasons.REASON_CONTENT_REFUSED, "The prompt contains prohibited content")
    assert fault.details == {
        "field": "prompt",
        "cause": "nsfw_content_detected",
        "suggestion": "Please modify your prompt to remove inappropriate content",
        "stage": "input",
    }


def test_of_several_rules_the_gravest_is_told() -> None:
    assert refusal(SAFETY, "a naked child", CallerClaims()).details["cause"] == "minor_sexualization_detected"


PROMPT = (
    "A photorealistic portrait of an elderly fisherman, weathered skin, golden hour light, shallow depth of field, 85mm lens,"
    " f/1.4, highly detailed, harbor in the background with boats, soft bokeh, 8k"
)


def test_an_ordinary_prompt_is_judged_in_microseconds() -> None:
    rounds = []
    for _ in range(10):
        started_at = time.thread_time()
        for _ in range(200):
            SAFETY.broken(PROMPT)
        rounds.append((time.thread_time() - started_at) / 200)
    assert min(rounds) < 100e-6, "about 15 us on the machine of 2026-11; five times that is a mistake"


HOSTILE = [
    "nude ",
    "nude child ",
    "n**e ",
    "n4k3d ",
    "n u d e ",
    "a-b.c ",
    "a,",
    "nuuuude ",
    "裸体",
    "naked eye ",
    "1 1 1 ",
    "a" * 10,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_the_longest_prompt_is_judged_in_time_in_proportion(text: str) -> None:
    def seconds(length: int) -> float:
        prompt = (text * length)[:length]
        started_at = time.thread_time()
        SAFETY.broken(prompt)
        return time.thread_time() - started_at

    short = min(seconds(4_000) for _ in range(3))
    assert min(seconds(32_000) for _ in range(3)) < 40 * short + 5e-3


def test_no_two_groups_are_told_by_the_same_cause() -> None:
    causes = [group.cause for group in BOOK.groups.values()]
    assert all(first != second for first, second in itertools.combinations(causes, 2))
