"""Composes plain English sentences by templates: what a picture shows, what a headline says, what people ask and advise.

Words come from the lists below and, for breadth, from WordNet's nouns and verbs whose first sense belongs to the wanted field.
Templates repeat their words in many combinations, so the encoder sees what changing one word does to the teacher's embedding.
"""
import re
from wordfreq import zipf_frequency


def words(text):
    return [w.replace("_", " ") for w in text.split()]


PEOPLE = words("man woman boy girl child kid baby toddler person lady guy young_man young_woman old_man old_woman little_boy "
               "little_girl man man woman woman teenager chef cook dancer singer player soldier worker farmer policeman "
               "cyclist skateboarder surfer swimmer runner biker doctor teacher student bride couple musician guitarist "
               "drummer football_player basketball_player baseball_player cowboy fisherman climber skier")
CROWDS = words("people men women boys girls children kids players dancers soldiers workers students young_men young_women "
               "friends cyclists runners tourists")
ANIMALS = words("dog cat dog puppy kitten horse cow sheep goat bird duck parrot monkey elephant tiger lion panda rabbit "
                "hamster squirrel mouse lizard snake turtle fish dolphin bear deer fox zebra giraffe lemur pig chicken eagle "
                "owl butterfly frog kangaroo dog")
HERDS = words("dogs cats horses cows sheep goats birds ducks puppies kittens elephants zebras monkeys")
COLOURS = words("red blue green yellow white black brown pink orange purple grey tan dark bright")
SIZES = words("big small large little tiny huge long tall old new wooden metal plastic broken wet")
LOOKS = words("young old blond tall bald smiling happy tired bearded shirtless barefoot elderly pregnant")
CLOTHES = words("shirt jacket dress hat coat sweater uniform helmet suit swimsuit t-shirt skirt cap hood vest costume jersey "
                "scarf")
INSTRUMENTS = words("guitar piano flute violin trumpet drums drum cello keyboard saxophone harmonica banjo bass_guitar "
                    "clarinet harp ukulele accordion")
SPORTS = words("football soccer basketball baseball tennis volleyball golf hockey rugby cricket badminton chess cards polo "
               "ping_pong a_game a_video_game")
FOODS = words("onion potato tomato carrot cucumber garlic pepper apple banana orange lemon mango pineapple egg fish chicken "
              "meat beef pork shrimp bread cheese butter tofu mushroom broccoli rice pasta pizza salad cake sandwich cookie "
              "ginger cabbage lettuce bacon tortilla zucchini papaya")
LIQUIDS = words("water milk oil juice sauce soup coffee tea wine beer batter vinegar lemonade")
VESSELS = words("bowl pan pot glass cup plate bottle jar bucket mug dish tray skillet container")
VEHICLES = words("car bus truck train bicycle bike motorcycle boat van jeep tractor scooter airplane helicopter ship taxi "
                 "canoe kayak cart van ambulance")
RIDES = words("horse bicycle bike motorcycle skateboard scooter elephant camel wave bull pony unicycle surfboard snowboard "
              "roller_coaster jet_ski")
THINGS = words("ball book box chair table phone camera laptop computer umbrella bag stick rope gun sword knife flag toy "
               "frisbee newspaper paper letter key pen picture mirror bottle cup basket bench couch bed lamp clock candle "
               "hammer kite balloon flower tree rock sign fence door window guitar")
PLACES = words("in_the_park on_the_beach on_the_street in_the_water in_a_field in_the_snow on_the_grass in_a_room "
               "in_the_kitchen on_a_stage on_a_couch on_a_bench in_a_pool at_a_table on_the_road on_a_sidewalk "
               "in_front_of_a_building near_the_ocean by_a_lake in_the_woods on_a_mountain in_a_city on_a_roof in_the_rain "
               "in_the_sand in_a_garden on_a_bed in_a_restaurant in_a_store in_an_office in_a_boat on_a_train in_a_car "
               "near_a_river along_the_shore on_a_dirt_road in_a_living_room on_a_bridge in_a_classroom at_night "
               "at_the_station next_to_a_fence under_a_tree through_the_grass across_a_field down_the_street over_a_fence "
               "up_the_stairs outside indoors on_the_floor in_the_air on_the_ground")
DOES = words("walking running jumping sitting standing dancing singing sleeping swimming smiling laughing talking crying "
             "playing working climbing falling crawling waiting resting skating skiing surfing fishing cooking exercising "
             "diving posing kneeling stretching hiking jogging shouting praying driving cycling camping shopping eating "
             "drinking reading writing drawing painting studying knitting bowling boxing wrestling fighting yelling")
BEASTS_DO = words("running walking jumping sitting standing sleeping lying_down swimming barking playing eating drinking looking_around rolling "
                  "climbing chasing_its_tail digging flying resting grazing yawning licking_itself")
CUTS = words("cutting slicing chopping peeling cooking frying eating washing grating baking boiling dicing preparing mincing "
             "grilling buying breaking holding")
HANDLES = words("holding carrying throwing catching looking_at pointing_at lifting pushing pulling opening closing cleaning "
                "fixing painting drawing kicking hitting dropping picking_up putting_down moving buying selling breaking "
                "washing reaching_for shaking folding using touching")
BETWEEN = words("talking_to hugging kissing looking_at helping chasing pushing kicking holding feeding following fighting "
                "washing teaching watching playing_with carrying sitting_next_to standing_behind running_after waving_at "
                "dancing_with walking_with laughing_at pointing_at")
NUMBERS = words("two three four five several many some two two three a_few a_group_of a_crowd_of")

COUNTRIES = words("China Russia Iran Iraq Syria Israel Egypt Pakistan India Afghanistan Ukraine France Germany Britain Japan "
                  "Turkey Libya Lebanon Greece Spain Italy Mexico Brazil Venezuela Cuba Canada Australia Indonesia Thailand "
                  "Philippines Malaysia Vietnam North_Korea South_Korea Nigeria Kenya Somalia Sudan South_Sudan Mali Yemen "
                  "Bangladesh Myanmar Nepal Poland Norway Sweden Ireland Scotland Argentina Chile Colombia Saudi_Arabia "
                  "Kuwait Jordan Qatar Tunisia Algeria Zimbabwe South_Africa Cyprus Portugal Switzerland the_US the_UK Gaza "
                  "Crimea Taiwan Hong_Kong")
PLACENAMES = words("London Paris Moscow Beijing Baghdad Kabul Damascus Cairo Jerusalem Tehran Tokyo Delhi Mumbai Karachi "
                   "New_York Washington Chicago Boston California Texas Florida Los_Angeles San_Francisco Rome Madrid Berlin "
                   "Brussels Geneva Athens Istanbul Beirut Sydney Bangkok Manila Lagos Nairobi Kiev Aleppo Tripoli Homs "
                   "Peshawar Kashmir Hong_Kong Seoul Dublin Toronto Egypt Syria Iraq Pakistan China India Russia")
PEOPLES = words("Chinese Russian Iranian Iraqi Syrian Israeli Egyptian Pakistani Indian Afghan Ukrainian French German "
                "British Japanese Turkish Libyan Palestinian Greek Spanish Italian Mexican American Canadian Australian Thai "
                "Korean Nigerian Saudi European US UK UN NATO EU South_Korean")
OFFICES = words("president prime_minister foreign_minister police court government parliament army troops rebels "
                "opposition_leader officials lawmakers senate judge central_bank election_commission protesters activists "
                "militants opposition union king pope spokesman defence_minister navy envoy ambassador mayor")
EVENTS = words("bomb_attack car_bomb suicide_bombing earthquake flood plane_crash train_crash bus_crash shooting fire "
               "explosion air_strike clashes protest riot landslide storm typhoon tornado hurricane building_collapse "
               "ferry_disaster mine_blast gun_battle drone_strike avalanche stampede heat_wave")
TOPICS = words("nuclear_programme peace_talks oil_prices election budget sanctions trade_deal immigration_bill health_care "
               "climate_change war chemical_weapons debt_crisis economy tax_cuts gun_control human_rights border_dispute "
               "missile_test corruption_case ceasefire new_constitution murder_trial hostage_crisis spy_scandal bailout "
               "gay_marriage vote jobs_report stock_market privacy education_reform gas_supply referendum")
SAYS = words("says denies warns rejects supports backs condemns discusses delays criticises defends calls_for_talks_on "
             "seeks_deal_on agrees_on debates urges_action_on vows_to_end votes_on raises_concern_over plans_talks_on "
             "threatens_walkout_over welcomes opposes halts resumes_talks_on")
FIRMS = words("Apple Google Microsoft Facebook Twitter Amazon Sony Samsung Intel Nokia Boeing Airbus Toyota Ford Honda "
              "Walmart Goldman_Sachs HSBC Barclays Shell BP Nestle IBM Oracle Yahoo Netflix General_Motors Volkswagen "
              "the_company the_bank the_airline the_firm the_group the_retailer the_chipmaker")
DAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday today yesterday this_week last_year in_July in_March "
             "in_the_third_quarter")
ADJECTIVES = words("good bad easy hard important cheap expensive safe dangerous useful interesting strange beautiful popular "
                   "common rare healthy difficult better different possible wrong right necessary fine normal true false "
                   "simple complicated great terrible annoying")
NAMES = words("John Mary David Sarah Michael Anna James Emma Robert Lisa Peter Maria Tom Kate George Alice Paul Jane Mark "
              "Susan")
RELATIONS = words("next_to behind in_front_of on_top_of under near beside inside above against")


class Composer:
    def __init__(self, wordnet, rng):
        self.rng = rng
        first = {k: self.first_senses(wordnet, k) for k in ("noun", "verb")}
        pick = lambda kind, fields, least: [w for w, f in first[kind].items() if f in fields and zipf_frequency(w, "en") >= least]
        self.artifacts, self.animals = pick("noun", {6}, 3.3), pick("noun", {5}, 3.2)
        self.foods, self.persons = pick("noun", {13}, 3.2), pick("noun", {18}, 3.5)
        self.nature, self.sites = pick("noun", {17, 20}, 3.3), pick("noun", {15}, 3.6)
        self.abstract = pick("noun", {4, 7, 9, 10, 12, 14, 21, 22, 26, 28}, 3.8)
        self.verbs = pick("verb", set(range(29, 44)), 3.7)

    @staticmethod
    def first_senses(folder, kind):
        """{lemma: number of its first sense's lexicographer file} for lower-case words of letters."""
        field = {}
        for line in open(f"{folder}/data.{kind}"):
            if not line.startswith("  "):
                offset, file = line.split(" ", 2)[:2]
                field[offset] = int(file)
        senses = {}
        for line in open(f"{folder}/index.{kind}"):
            f = line.split()
            if not line.startswith("  ") and re.fullmatch("[a-z]{3,}", f[0]):
                senses[f[0]] = field[f[6 + int(f[3])]]
        return senses

    def c(self, *lists):
        return self.rng.choice(self.rng.choice(lists))

    def a(self, noun, definite=0.15):
        if noun.startswith(("a ", "the ")):
            return noun
        if self.rng.random() < definite:
            return "the " + noun
        return ("an " if noun[0] in "aeiou" else "a ") + noun

    def described(self, noun):
        r = self.rng.random()
        return self.c(COLOURS) + " " + noun if r < 0.25 else self.c(SIZES) + " " + noun if r < 0.4 else noun

    def thing(self):
        return self.a(self.described(self.c(THINGS, THINGS, self.artifacts)))

    def food(self):
        return self.a(self.c(FOODS, FOODS, self.foods)) if self.rng.random() < 0.6 else "some " + self.c(FOODS, self.foods)

    def person(self):
        """(noun phrase, is plural)"""
        r = self.rng.random()
        if r < 0.25:
            n = self.c(NUMBERS) + " " + self.c(CROWDS)
            return n + self.dressed(0.15), True
        noun = self.c(PEOPLE, PEOPLE, PEOPLE, self.persons)
        if self.rng.random() < 0.12:
            noun = self.c(LOOKS) + " " + noun
        return self.a(noun) + self.dressed(0.2), False

    def dressed(self, share):
        if self.rng.random() > share:
            return ""
        return self.c([" in a ", " wearing a ", " with a "]) + self.c(COLOURS) + " " + self.c(CLOTHES)

    def animal(self):
        if self.rng.random() < 0.2:
            return self.c(["two", "three", "several", "some"]) + " " + self.c(HERDS), True
        return self.a(self.described(self.c(ANIMALS, ANIMALS, ANIMALS, self.animals))), False

    def action(self):
        r, c, a, chance = self.rng.random(), self.c, self.a, self.rng.random
        if r < 0.10:
            return "playing " + (c(SPORTS) if chance() < 0.5 else a(c(INSTRUMENTS), 0.4))
        if r < 0.27:
            deed = f"{c(CUTS)} {self.food()}"
            if chance() < 0.25:
                deed += f" {c(['in', 'on', 'into', 'with'])} {a(c(VESSELS, ['knife', 'spoon', 'cutting board']))}"
            return deed
        if r < 0.33:
            how = c(["pouring", "adding", "mixing", "stirring", "putting", "spilling"])
            return f"{how} {c(LIQUIDS, FOODS, self.foods)} {c(['into', 'in', 'from'])} {a(c(VESSELS))}"
        if r < 0.40:
            return f"{c(['riding', 'riding', 'getting on', 'falling off', 'sitting on'])} {a(c(RIDES))}"
        if r < 0.45:
            return f"{c(['driving', 'fixing', 'getting into', 'washing', 'pushing', 'parking'])} {a(c(VEHICLES))}"
        if r < 0.58:
            return f"{c(HANDLES)} {self.thing()}"
        if r < 0.66:
            return f"{c(BETWEEN)} {self.person()[0] if chance() < 0.6 else self.animal()[0]}"
        return c(DOES)

    def animal_action(self):
        if self.rng.random() < 0.6:
            return self.c(BEASTS_DO)
        how = self.c(["playing with", "eating", "chasing", "looking at", "chewing on", "biting", "carrying", "jumping over"])
        return f"{how} {self.thing() if self.rng.random() < 0.5 else self.animal()[0]}"

    def caption(self):
        r, c, chance = self.rng.random(), self.c, self.rng.random
        if r < 0.60:
            (who, many), act = self.person(), self.action()
        elif r < 0.80:
            who, many = self.animal()
            act = self.animal_action()
        else:
            who, many = self.a(self.described(c(VEHICLES, THINGS, self.artifacts))), False
            act = c(["parked", "sitting", "standing", "lying", "moving", "driving", "hanging", "floating"])
            if chance() < 0.35:
                return c(["there is ", "a photo of ", "a close up of ", "", ""]) + f"{who} {c(RELATIONS)} {self.thing()}"
        where = " " + c(PLACES) if chance() < 0.45 else f" {c(RELATIONS)} {self.thing()}" if chance() < 0.1 else ""
        verb = "" if chance() < 0.25 else " are" if many else " is"
        if verb and chance() < 0.03:
            verb += " not"
        rest = f" while {c(DOES)}" if chance() < 0.04 else ""
        return f"{who}{verb} {act}{where}{rest}"

    def headline(self):
        r, c, n = self.rng.random(), self.c, self.rng.randint
        if r < 0.16:
            number = c([str(n(2, 90)), f"at least {n(3, 60)}", "dozens", "hundreds", "two", "three"])
            fate = c(["killed", "dead", "injured", "wounded", "missing", "arrested"])
            return f"{number} {fate} in {c(PLACENAMES, COUNTRIES)} {c(EVENTS)}"
        if r < 0.26:
            event = f"{c(PLACENAMES, COUNTRIES, PEOPLES)} {c(EVENTS)} {c(['kills', 'injures', 'wounds', 'leaves'])}"
            return f"{event} {n(2, 80)}{c([' dead', '', ' people', ' civilians', ' soldiers'])}"
        if r < 0.44:
            return f"{c(PEOPLES)} {c(OFFICES)} {c(SAYS)} {c(TOPICS)}"
        if r < 0.58:
            more = c(["", "", " with " + c(COUNTRIES), " after " + c(EVENTS), " in " + c(PLACENAMES)])
            return f"{c(COUNTRIES)} {c(SAYS)} {c(TOPICS, TOPICS, self.abstract)}{more}"
        if r < 0.66:
            how = c(["sign", "reach", "discuss", "begin talks on", "clash over", "agree on", "break off"])
            return f"{c(COUNTRIES)} and {c(COUNTRIES)} {how} {c(TOPICS)}"
        if r < 0.72:
            fate = c(["arrested", "charged", "jailed", "freed", "killed", "elected", "resigns", "on trial", "found dead", "wins award",
                      f"dies at {n(50, 99)}"])
            return f"{c(PEOPLES)} {c(OFFICES, self.persons)} {fate} {c(['in ' + c(PLACENAMES), 'over ' + c(TOPICS), ''])}"
        if r < 0.82:
            what = f"{c(FIRMS)} {c(['shares', 'stock', 'profit', 'sales', 'revenue'])}"
            moved = c(["rose", "fell", "dropped", "jumped", "gained", "slipped", "climbed"])
            more = c([f"to ${n(5, 90)}.{n(10, 99)}", c(DAYS), "on " + c(DAYS[:7]), ""])
            return f"{what} {moved} {n(1, 30)} {c(['percent', 'cents', 'points', 'per cent'])} {more}"
        if r < 0.90:
            does = c(["plans to cut", "will buy", "to sell", "unveils", "sues over", "recalls", "launches", "is expected to announce",
                      "said it would close", "invests in", "bans"])
            what = c([f"{n(2, 9)},000 jobs", "new " + c(self.artifacts), f"its {c(self.artifacts)} business", c(FIRMS), c(TOPICS),
                      c(self.abstract)])
            return f"{c(FIRMS)} {does} {what}"
        who = f"{c(NAMES + OFFICES + self.persons)} {c(['says', 'said', 'told reporters', 'believes', 'warns', 'admits'])}"
        what = f"{c(['the ', 'that the ', ''])}{c(self.abstract, TOPICS)} {c(['is', 'was', 'will be', 'could be', 'is not'])}"
        return f"{who} {what} {c(ADJECTIVES)} {c(['', c(DAYS), 'for ' + c(COUNTRIES)])}"

    def noun(self):
        return self.c(self.artifacts, self.abstract, self.foods, self.animals, self.persons, self.nature, THINGS)

    def talk(self):
        r, c, noun = self.rng.random(), self.c, self.noun
        verb, deed = c(self.verbs), f"{c(self.verbs)} {c(['the', 'a', 'your', 'my', 'some'])} {noun()}"
        if r < 0.12:
            return f"what is the best way to {deed}?"
        if r < 0.24:
            start = c(["how do I", "how can I", "should I", "can I", "is it ok to", "why do people", "when should you"])
            return f"{start} {deed}?"
        if r < 0.36:
            start = c(["you can", "you should", "you do not need to", "I would", "it is hard to", "I want to", "they will", "we had to",
                       "try to", "never"])
            return f"{start} {deed}{c(['', ' first', ' if you ' + verb, ' before you ' + verb, ' with a ' + noun()])}"
        if r < 0.50:
            claim = f"the {noun()} {c(['is', 'was', 'is very', 'is not', 'seems', 'looks'])} {c(ADJECTIVES)}"
            return claim + c(["", f" for the {noun()}", f" because of the {noun()}", f" but the {noun()} is not"])
        if r < 0.60:
            start = c(["there is", "I have", "he bought", "she saw", "we need", "I like", "they found", "he lost"])
            where = c(PLACES, self.sites) if self.rng.random() < 0.3 else "and " + self.a(noun())
            return f"{start} {self.a(noun())} {where}"
        if r < 0.72:
            start = c(["it depends on", "this is about", "the answer is", "what do you think of", "tell me about", "I agree with",
                       "a question about", "the problem with", "the history of", "types of"])
            return f"{start} {c(['the ', '', 'your '])}{noun()}"
        if r < 0.86:
            who = c(NAMES, ["he", "she", "they", "we", "I"])
            will = c(["will", "did not", "could", "should", "can", "used to", "wants to", "tried to"])
            return f"{who} {will} {deed} {c(['', c(DAYS), c(PLACES), 'again'])}"
        return f"{noun()} {c(['and', 'or', 'of', 'with', 'for', 'without', 'in', 'versus'])} {noun()}"

    def sentences(self, count):
        for _ in range(count):
            r = self.rng.random()
            s = (self.caption() if r < 0.55 else self.headline() if r < 0.77 else self.talk()).strip()
            s = s[0].upper() + s[1:]
            yield s if s.endswith("?") or self.rng.random() < 0.4 else s + "."
