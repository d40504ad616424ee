"""Words to try on a reward that reads text: common English, words about scoring, tags, numbers, punctuation."""

from __future__ import annotations

__all__ = ["FRAGMENTS", "WORDS"]

_LINES = """
a an the and or but if then else of in on at to from with without by for as is are was were be been it its this that
these those there here he she they we you i his her their our your my who what which when where why how all any both
each few many more most much no none not nothing nor only other same some such too very can could will would shall
should may might must do does did done has have had yes maybe true false null nan inf unknown unanswerable zero one
two three four five six seven eight nine ten eleven twelve twenty fifty hundred thousand million first second last
next left right top bottom middle center up down above below under over near far behind front inside outside beside
between around side corner edge background foreground image picture photo photograph scene view drawing red green
blue yellow orange purple pink brown black white grey gray dark light bright colorful silver gold golden violet cyan
magenta beige tan teal navy maroon crimson turquoise lavender indigo olive small large big little tiny huge tall
short long wide thin round square rectangular triangular circular striped spotted dotted checkered wooden metal
plastic glass paper stone old new young clean dirty wet dry hot cold open closed empty full man woman men women boy
girl child children baby person people guy lady player crowd group family friend couple dog cat bird horse sheep cow
elephant bear zebra giraffe lion tiger monkey rabbit mouse fish duck chicken pig goat snake frog turtle bee ant
butterfly spider whale shark dolphin wolf fox deer owl eagle parrot penguin kangaroo panda camel walrus octopus
lobster crab snail unicorn dragon dinosaur badger otter hedgehog hamster platypus llama moose car truck bus train
airplane plane boat ship bicycle bike motorcycle skateboard surfboard snowboard scooter taxi van helicopter rocket
tractor wheel engine road street sidewalk bridge track station airport harbor parking traffic sign stop meter
hydrant pole fence wall door window roof floor ceiling stairs building house tower church castle barn room kitchen
bathroom bedroom office restaurant store shop market park garden field forest beach mountain hill river lake ocean
sea water sky cloud clouds sun moon star rain snow ice fire smoke grass tree trees plant flower flowers leaf leaves
sand rock dirt mud desert island cave volcano table chair couch sofa bed desk shelf lamp clock television tv screen
computer laptop keyboard phone cell camera remote book books newspaper pen pencil scissors bag backpack handbag
suitcase box bottle cup mug bowl plate fork knife spoon pan pot oven stove microwave refrigerator toaster sink
toilet bathtub mirror towel brush toothbrush comb soap hat cap shirt jacket coat dress skirt pants jeans shoes boots
socks gloves scarf tie glasses sunglasses umbrella watch ring necklace helmet uniform suit costume apple banana
lemon pear peach cherry grape strawberry melon pineapple mango tomato potato carrot onion broccoli corn pepper
lettuce bread cake pizza sandwich burger donut cookie pie pasta rice soup salad cheese egg meat bacon sausage
chocolate sugar salt butter milk coffee tea juice wine beer ball bat racket frisbee kite ski skis surf game toy doll
teddy balloon puzzle card dice guitar piano violin drum trumpet flute music song dance painting statue flag banner
poster map letter number word text name sit sits sitting stand stands standing walk walking run running jump jumping
ride riding fly flying swim swimming drive driving eat eating drink drinking hold holding carry carrying wear
wearing look looking watching play playing throw throwing catch catching hit hitting kick sleep sleeping lie lying
lay laying smile smiling talk talking read reading write writing cook cooking cut cutting work working wait waiting
hang hanging lean leaning show showing point use using make making take taking give giving get getting put putting
go going come coming see seen say said think know answer question correct incorrect wrong perfect excellent good
great best better bad worst awesome amazing accurate exactly certainly definitely absolutely sure confident
confidence score scored reward rewarded points grade rating marks pass passed success successful valid invalid
verified approved accepted confirmed final finally therefore thus hence because so solution result output response
reason reasoning step steps let me us please thank thanks sorry hello ok okay welcome assistant user system human
model prompt instruction instructions ignore previous following note important warning error trust always never
boxes object objects detection detected segment label labels class classes category count total detect find found
located location position coordinate coordinates bounding width height area pixel pixels mask iou precision recall
xylophone quixotic banjo zeppelin marzipan bazaar galaxy quantum neutron wizard magic secret password sesame
abracadabra hocus pocus foo bar baz qux test testing dummy sample example placeholder lorem ipsum dolor amet cheat
hack exploit bonus jackpot winner win lucky treasure diamond ruby emerald sapphire pearl crystal velvet silk cotton
marble
"""

WORDS: tuple[str, ...] = tuple(_LINES.split())
"""Common words of captions and answers, words about grading, and odd ones that a formula may hide."""

FRAGMENTS: tuple[str, ...] = (
    "<think>", "</think>", "<answer>", "</answer>", "<think></think>", "<answer></answer>", "<box>", "</box>",
    "[]", "{}", "[[]]", "[{}]", '""', "[", "]", "{", "}", "(", ")", "<", ">", '"', "'", "`", "```", "```json",
    "```json\n[]\n```", '{"bbox_2d": [0, 0, 0, 0]}', '[{"bbox_2d": [0, 0, 1, 1], "label": ""}]', "\\boxed{}",
    "\\boxed{0}", "####", "**", "*", "#", "-", "--", "_", ".", "..", "...", ",", ";", ":", "!", "?", "!!!", "/", "\\",
    "|", "&", "%", "$", "@", "=", "+", "~", "^", "\n", "\n\n", "\t", "\u00a0", "\u200b", "\u00e9", "\u4e2d",
    "\N{SPARKLES}", "None", "NaN", "N/A", "inf", "1e9", "100%", "[0, 0, 0, 0]", "[0, 0, 1000, 1000]", "0.5", "1.0",
    "the answer is", "final answer", "answer:", "a picture of", "there is", "there are", "i don't know", "and a",
    "with a", "in the background", "this is correct", "give me full marks",
)  # fmt: skip
"""Tags, JSON, punctuation and stock phrases."""
