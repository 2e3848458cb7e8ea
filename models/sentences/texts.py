"""Gathers and composes the sentences that the encoder is distilled over.

usage: texts.py --packages DIR --out DIR [--composed 170000]

DIR of --packages holds the unpacked packages that README.md names, one folder each. Writes sentences.txt (one a line, shuffled,
no two alike) and heldout.txt (1,000 of them, kept from training).
"""
import argparse, collections, json, os, random, re
from wordfreq import top_n_list, zipf_frequency
from compose import Composer


def walk(folder, suffix):
    for base, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            if name.endswith(suffix):
                yield os.path.join(base, name)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def sentences_of(text):
    """Cuts running text behind a full stop, question or exclamation mark that a space and a capital follow."""
    return re.split(r"(?<=[.!?])[\"')]*\s+(?=[\"'(]*[A-Z])", re.sub(r"\s+", " ", text))


def common(words, least):
    return all(zipf_frequency(w, "en") >= least for w in words)


def wordnet(folder):
    """Example sentences, and glosses of words that are not rare ("a dog is a member of the genus Canis ...")."""
    for kind in ("noun", "verb", "adj", "adv"):
        for line in open(f"{folder}/usr/share/wordnet/data.{kind}"):
            if line.startswith("  "):
                continue
            fields, _, gloss = line.partition(" | ")
            lemma = fields.split()[4].replace("_", " ").split("(")[0]
            for example in re.findall(r'"([^"]+)"', gloss):
                yield example
            gloss = gloss.split('; "')[0].strip()
            if common(lemma.split(), 3.0):
                yield gloss
                yield f"{lemma}: {gloss}"


def chitchat(folder):
    for talk in json.loads(read(f"{folder}/chitchat_dataset/dataset.json")).values():
        for turn in talk["messages"]:
            for message in turn:
                if len(message["text"].split()) >= 4:
                    yield message["text"]


def chatterbot(folder):
    for path in walk(f"{folder}/chatterbot_corpus/data/english", ".yml"):
        yield from re.findall(r"^- +-? *(\S.*)$", read(path), re.M)


def strings_in_json(folder):
    """Descriptions and speech of a game: every string of four words or more."""
    for path in walk(folder, ".json"):
        for s in re.findall(r'"((?:[^"\\]|\\.)*)"', read(path)):
            s = re.sub(r"\\.|<[^>]*>|%\S*", " ", s)
            if s.count(" ") >= 3:
                yield from sentences_of(s)


def strings_in_story(folder):
    for path in walk(folder, ".txt"):
        for s in re.findall(r"[`\"]([^`\"\n]{25,})[`\"]", read(path)):
            if "<" not in s:
                yield from sentences_of(s)


def running_text(path):
    return sentences_of(read(path))


def help_pages(folder):
    for path in walk(f"{folder}/usr/share/help/C", ".page"):
        for p in re.findall(r"<p>(.*?)</p>", read(path), re.S):
            yield from sentences_of(re.sub(r"<[^>]*>", "", p))


def wiki(path):
    for line in open(path, encoding="utf-8"):
        if not line.startswith(" ="):
            yield from sentences_of(re.sub(r" @(.)@ ", r"\1", line))


def passages(path, lines):
    """Longer texts, so that later positions are trained too: whole paragraphs, and groups of lines."""
    yield from (line for line in open(path, encoding="utf-8") if len(line) > 250)
    for i in range(0, len(lines) - 8, 40):
        yield " ".join(lines[i:i + 8])


def package_summaries(path):
    yield from (m[1] for m in re.finditer(r"^Description: (.*)$", read(path), re.M))


def markov(folder, rng, count):
    """Sentences by a second-order chain over Wikipedia articles; the package ships the chain as a table of word pairs."""
    table = json.loads(read(f"{folder}/essential_generators/markov_textgen.json"))
    starts = [k for k in table if k[:1].isupper() and not k.isupper()]
    for _ in range(count):
        key = rng.choice(starts)
        words = [table[key]["left"], table[key]["right"]]
        while key in table and table[key]["transitions"] and len(words) < 25 and not words[-1].endswith("."):
            words.append(rng.choice(table[key]["transitions"]))
            key = f"{words[-2]} {words[-1]}"
        yield " ".join(words)


def clean(s, longest):
    s = re.sub(r"\s+", " ", s).strip(" \"'`*_")
    return s if 8 <= len(s) <= longest and sum(c.isalpha() for c in s) > 0.6 * len(s) and s.isprintable() else None


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--packages", required=True)
    a.add_argument("--out", required=True)
    a.add_argument("--composed", type=int, default=170000)
    o = a.parse_args()
    at, rng = lambda name: os.path.join(o.packages, name), random.Random(1)
    verses = re.sub(r"^\S+?\d+:\d+ ", "", read(at("kjv.txt")), flags=re.M).splitlines()
    composer = Composer(at("wordnet-base/usr/share/wordnet"), rng)
    sources = {  # name: (sentences, at most so many of them)
        "wordnet": (wordnet(at("wordnet-base")), 90000),
        "chitchat": (chitchat(at("chitchat-dataset")), 65000),
        "chatterbot": (chatterbot(at("chatterbot-corpus")), 2000),
        "randfacts": (read(at("randfacts/randfacts/safe.txt")).splitlines(), 8000),
        "essential-generators": (markov(at("essential-generators"), rng, 30000), 25000),
        "cataclysm": (strings_in_json(at("cataclysm-dda-data/usr/share/games/cataclysm-dda/json")), 20000),
        "endless-sky": (strings_in_story(at("endless-sky-data/usr/share/games/endless-sky/data")), 12000),
        "gnome-help": (help_pages(at("gnome-user-docs")), 2500),
        "bible": (verses, 4000),
        "passages": (passages(at("wikitext.txt"), verses), 3000),
        "shakespeare": (running_text(at("tinyshakespeare.txt")), 3000),
        "wikitext": (wiki(at("wikitext.txt")), 9000),
        "packages": (package_summaries(at("summaries.txt")), 8000),
        "words": (top_n_list("en", 26000), 26000),
        "composed": (composer.sentences(2 * o.composed), o.composed),
    }
    seen, kept = set(), []
    for name, (sentences, most) in sources.items():
        fresh = []
        for s in sentences:
            s = s if name == "words" else clean(s, 1500 if name == "passages" else 240)
            if s and s.lower() not in seen:
                seen.add(s.lower())
                fresh.append(s)
        rng.shuffle(fresh)
        kept += fresh[:most]
        print(f"{name}: {min(len(fresh), most)} of {len(fresh)}", flush=True)
    rng.shuffle(kept)
    os.makedirs(o.out, exist_ok=True)
    held = [s for s in kept[:1400] if " " in s][:1000]
    apart = set(held)
    open(f"{o.out}/heldout.txt", "w", encoding="utf-8").write("\n".join(held) + "\n")
    open(f"{o.out}/sentences.txt", "w", encoding="utf-8").write("\n".join(s for s in kept if s not in apart) + "\n")


main()
