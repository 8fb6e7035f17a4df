"""Assist understands and answers in every language."""

import re

import pytest

from custom_components.hmm.voice.triggers import read_sentences
from tests.flows import texts

from .conftest import House
from .talk import ask

pytestmark = pytest.mark.usefixtures("quick")

NINE = {
    "en": {
        "turn off the Bitaxe": "Bitaxe Gamma is paused.",
        "set the miners to eco": "2 of 3 miners are set to Eco. Shed: ",
        "what is my hashrate": "Your miners do ",
        "how many miners are online": "2 of 3 miners are online. Shed: ",
        "which miner is hottest": "Bitaxe Gamma is the hottest, at ",
        "what is wrong with my miners": "2 of 3 miners are online. Shed: ",
        "when will I find a block": "The chance of a block is 1 in ",
        "what do the miners cost today": "No electricity price is set.",
        "restart the Bitaxe": "Bitaxe Gamma has restarted.",
    },
    "de": {
        "schalte die Bitaxe aus": "Bitaxe Gamma ist pausiert.",
        "stelle die Miner auf Eco": "2 von 3 Minern laufen jetzt auf Eco. Shed: ",
        "wie hoch ist meine Hashrate": "Deine Miner schaffen ",
        "wie viele Miner sind online": "2 von 3 Minern sind online. Shed: ",
        "welcher Miner ist am heißesten": "Bitaxe Gamma ist am heißesten, mit ",
        "was ist mit meinen Minern los": "2 von 3 Minern sind online. Shed: ",
        "wann finde ich einen Block": "Die Chance auf einen Block ist 1 zu ",
        "was kosten die Miner heute": "Es ist kein Strompreis eingestellt.",
        "starte die Bitaxe neu": "Bitaxe Gamma ist neu gestartet.",
    },
    "es": {
        "apaga la Bitaxe": "Bitaxe Gamma está en pausa.",
        "pon los mineros en modo eco": "2 de 3 mineros están ahora en Eco. Shed: ",
        "cuál es mi hashrate": "Tus mineros hacen ",
        "cuántos mineros están en línea": "2 de 3 mineros están en línea. Shed: ",
        "cuál es el minero más caliente": "Bitaxe Gamma es el más caliente, con ",
        "qué problema tienen mis mineros": "2 de 3 mineros están en línea. Shed: ",
        "cuándo voy a encontrar un bloque": "La probabilidad de un bloque es de 1 ",
        "cuánto gastan los mineros hoy": "No hay ningún precio de la electricidad.",
        "reinicia la Bitaxe": "Bitaxe Gamma se ha reiniciado.",
    },
    "fr": {
        "éteins la Bitaxe": "Bitaxe Gamma est en pause.",
        "mets les mineurs en mode éco": "2 mineurs sur 3 sont réglés sur Éco. Shed : ",
        "quel est mon hashrate": "Vos mineurs font ",
        "combien de mineurs sont en ligne": "2 mineurs sur 3 sont en ligne. Shed : ",
        "quel mineur est le plus chaud": "Bitaxe Gamma est le plus chaud, avec ",
        "quel est le problème avec mes mineurs": "2 mineurs sur 3 sont en ligne. ",
        "quand vais-je trouver un bloc": "La chance de trouver un bloc est de 1 sur ",
        "combien coûtent les mineurs aujourd'hui": "Aucun prix de l'électricité",
        "redémarre la Bitaxe": "Bitaxe Gamma a redémarré.",
    },
    "nl": {
        "zet de Bitaxe uit": "Bitaxe Gamma ",
        "zet de miners op eco": "2 van 3 miners staan nu op Eco. Shed: ",
        "wat is mijn hashrate": "Je miners halen ",
        "hoeveel miners zijn er online": "2 van 3 miners zijn online. Shed: ",
        "welke miner is het warmst": "Bitaxe Gamma is het heetst, met ",
        "wat is er aan de hand met mijn miners": "2 van 3 miners zijn online. Shed: ",
        "wanneer vind ik een blok": "De kans op een blok is 1 op ",
        "wat kosten de miners vandaag": "Er is geen stroomprijs ingesteld.",
        "herstart de Bitaxe": "Bitaxe Gamma is herstart.",
    },
    "pt-BR": {
        "desliga a Bitaxe": "Bitaxe Gamma ",
        "coloca os mineradores no modo eco": "2 de 3 mineradores estão agora em Eco. ",
        "qual é a minha taxa de hash": "Seus mineradores fazem ",
        "quantos mineradores estão online": "2 de 3 mineradores estão online. Shed: ",
        "qual é o minerador mais quente": "Bitaxe Gamma é o mais quente, com ",
        "o que está acontecendo com meus mineradores": "2 de 3 mineradores estão ",
        "quando vou encontrar um bloco": "A chance de um bloco é de 1 em ",
        "quanto custam os mineradores hoje": "Nenhum preço da eletricidade",
        "reinicia a Bitaxe": "Bitaxe Gamma reiniciou.",
    },
    "zh-CN": {
        "关掉Bitaxe": "Bitaxe Gamma ",
        "把矿机调到节能模式": "3 台矿机中有 2 台已设为 节能。",
        "现在算力多少": "您的矿机算力为 ",
        "有多少台矿机在线": "3 台矿机中有 2 台在线。",
        "哪台矿机最热": "Bitaxe Gamma 最热，",
        "我的矿机出了什么问题": "3 台矿机中有 2 台在线。",
        "我什么时候能挖到块": "一年内出块的概率是 ",
        "今天矿机的电费是多少": "没有设置电价。",
        "把Bitaxe重启": "Bitaxe Gamma 已重启。",
    },
}
"""What people want to say, and how the answer begins."""

MORE = {
    "en": {
        "how hot is the bitaxe gamma": "Bitaxe Gamma: Mining, 1.07 terahash per second, ",
        "is everything okay with my miners": "2 of 3 miners are online. Shed: ",
    },
    "de": {
        "wie heiß ist die Bitaxe Gamma": "Bitaxe Gamma: Schürft, 1,07 Terahash pro ",
        "wie läuft es mit den Minern": "2 von 3 Minern sind online. Shed: ",
        "stoppe das Mining": "2 von 3 Minern sind pausiert. Shed: ",
        "starte das Mining": "2 von 3 Minern schürfen wieder. Shed: ",
    },
    "es": {
        "cómo de caliente está la bitaxe gamma": "Bitaxe Gamma: ",
        "cómo están mis mineros": "2 de 3 mineros están en línea. Shed: ",
        "por qué está la bitaxe gamma parada": "Bitaxe Gamma: Minando, en modo ",
        "cuál es mi mejor share": "El mejor share es 13,8 mil millones, ",
        "pon los mineros del garage en eco": "Bitaxe Gamma está ahora en Eco.",
        "pausa la minería": "2 de 3 mineros están en pausa. Shed: ",
        "reanuda la bitaxe gamma": "Bitaxe Gamma vuelve a minar.",
    },
    "fr": {
        "est-ce que la bitaxe gamma chauffe": "Bitaxe Gamma",
        "est-ce que mes mineurs tournent": "2 mineurs sur 3 sont en ligne. Shed : ",
        "comment va la bitaxe gamma": "Bitaxe Gamma : Mine, 1,07 térahashs par",
        "quel est l'état du bitaxe gamma": "Bitaxe Gamma : Mine, 1,07 térahashs par",
        "quel est mon meilleur share": "Le meilleur share est de 13,8 milliards, ",
        "mets la bitaxe gamma en mode éco": "Bitaxe Gamma est réglé sur Éco.",
        "mets les mineurs du garage sur eco": "Bitaxe Gamma est réglé sur Éco.",
        "mets le minage en pause": "2 mineurs sur 3 sont en pause. Shed : ",
        "relance la bitaxe gamma": "Bitaxe Gamma mine de nouveau.",
    },
    "nl": {
        "hoe heet is de bitaxe gamma": "Bitaxe Gamma: ",
        "hoe gaat het met de bitaxe gamma": "Bitaxe Gamma: Mint, 1,07 terahash per",
        "wat is mijn beste share": "De beste share is 13,8 miljard, ",
        "zet de miners in de garage op eco": "Bitaxe Gamma staat nu op Eco.",
        "pauzeer het minen": "2 van 3 miners ",
        "hervat de bitaxe gamma": "Bitaxe Gamma mint weer.",
    },
    "pt-BR": {
        "quão quente está a bitaxe gamma": "Bitaxe Gamma: ",
        "como estão os meus mineradores": "2 de 3 mineradores estão online. Shed: ",
        "como está a bitaxe gamma": "Bitaxe Gamma: Minerando, 1,07 terahashes por",
        "qual é o melhor share dos meus mineradores": "O melhor share é 13,8 bilhões",
        "coloque os mineradores da garage em eco": "Bitaxe Gamma está agora em Eco.",
        "pause a mineração": "2 de 3 mineradores estão pausados. Shed: ",
        "retome a bitaxe gamma": "Bitaxe Gamma voltou a minerar.",
    },
    "zh-CN": {
        "bitaxe gamma有多热": "Bitaxe Gamma：",
        "我的bitaxe gamma怎么样": "Bitaxe Gamma：挖矿中、1.07 太哈希每秒",
        "我的最佳份额是多少": "最佳份额是 138 亿",
        "把garage里的矿机设为节能": "Bitaxe Gamma 已设为 节能。",
        "暂停挖矿": "3 台矿机中有 2 台",
        "恢复bitaxe gamma": "Bitaxe Gamma ",
    },
}


NEW = {
    "en": {
        "which pools are my miners mining at": "pools_hidden",
        "are my pools okay": "pools_hidden",
        "how much power do my miners use": "fleet_power",
        "how many watts does the bitaxe gamma draw": "miner_power",
        "how much have I spent on mining this month": "no_price",
        "how much did I earn with mining today": "no_coin_price",
        "are my miners profitable right now": "no_coin_price",
        "why isn't the bitaxe gamma running": "nobody_decides",
        "why is the bitaxe gamma running in eco mode": "nobody_decides",
        "which mode is the bitaxe gamma in": "nobody_decides",
        "when do my miners turn on again": "no_strategy",
        "what's the plan for my miners tonight": "no_strategy",
        "how many blocks will I find a year": "block_chance",
    },
    # With the articles and cases that people take, and without "ß"
    "de": {
        "bei welchen Pool schürfe ich": "pools_hidden",
        "sind meine Pools erreichbar": "pools_hidden",
        "wieviel Strom ziehen meine Minern gerade": "fleet_power",
        "wie viel Watt braucht den Bitaxe Gamma": "miner_power",
        "was haben mich die Miner in diesem Monat gekostet": "no_price",
        "wie viel habe ich diesen Monat fürs Mining ausgegeben": "no_price",
        "was haben mir meine Miner heute eingebracht": "no_coin_price",
        "wie viel habe ich mit den Minern verdient": "no_coin_price",
        "was verdiene ich im Monat mit dem Mining": "no_coin_price",
        "lohnt sich das Mining noch": "no_coin_price",
        "wie gross ist meine Chance auf einen Block": "block_chance",
        "werde ich jemals einen Block finden": "block_chance",
        "was haben die Miner heute Nacht vor": "no_strategy",
        "weshalb ist dem bitaxe gamma so langsam": "nobody_decides",
        "warum läuft das Bitaxe Gamma im Eco-Modus": "nobody_decides",
        "in welchem Modus läuft der Bitaxe Gamma": "nobody_decides",
        "warum schürft die Bitaxe Gamma nicht": "nobody_decides",
        "was ist heute Nacht mit den Minern geplant": "no_strategy",
        "was macht die Strategie als Nächstes": "no_strategy",
        "wann gehen die Miner wieder an": "no_strategy",
        "wie heiss ist dem Bitaxe Gamma": "degrees",
    },
    "es": {
        "en qué pool minan mis mineros": "pools_hidden",
        "cuánto consumen mis mineros": "fleet_power",
        "cuánto consume la bitaxe gamma": "miner_power",
        "cuánto me ha costado la minería este mes": "no_price",
        "cuánto han ganado mis mineros este mes": "no_coin_price",
        "es rentable minar ahora": "no_coin_price",
        "por qué está la bitaxe gamma en modo eco": "nobody_decides",
        "en qué modo está la bitaxe gamma": "nobody_decides",
        "qué harán mis mineros esta noche": "no_strategy",
        "cuándo se apagan los mineros": "no_strategy",
    },
    "fr": {
        "chez quel pool minent mes mineurs": "pools_hidden",
        "combien consomment mes mineurs": "fleet_power",
        "combien consomme la bitaxe gamma": "miner_power",
        "combien m'a coûté le minage ce mois-ci": "no_price",
        "combien ont rapporté mes mineurs ce mois-ci": "no_coin_price",
        "est-ce que le minage est rentable": "no_coin_price",
        "pourquoi la bitaxe gamma est en mode éco": "nobody_decides",
        "que fait la bitaxe gamma": "nobody_decides",
        "que font mes mineurs cette nuit": "no_strategy",
        "quand mes mineurs s'éteignent-ils": "no_strategy",
    },
    "nl": {
        "bij welke pool minen mijn miners": "pools_hidden",
        "hoeveel stroom verbruiken mijn miners": "fleet_power",
        "hoeveel watt verbruikt de bitaxe gamma": "miner_power",
        "wat hebben de miners deze maand gekost": "no_price",
        "hoeveel hebben mijn miners deze maand opgebracht": "no_coin_price",
        "is het minen winstgevend": "no_coin_price",
        "waarom staat de bitaxe gamma op eco": "nobody_decides",
        "in welke modus staat de bitaxe gamma": "nobody_decides",
        "wat doen mijn miners vannacht": "no_strategy",
        "wanneer gaan de miners weer aan": "no_strategy",
    },
    "pt-BR": {
        "em qual pool os meus mineradores mineram": "pools_hidden",
        "quanto os meus mineradores consomem": "fleet_power",
        "quanto a bitaxe gamma consome": "miner_power",
        "quanto custaram os mineradores este mês": "no_price",
        "quanto meus mineradores renderam este mês": "no_coin_price",
        "a mineração vale a pena": "no_coin_price",
        "por que a bitaxe gamma está no modo eco": "nobody_decides",
        "em que modo está a bitaxe gamma": "nobody_decides",
        "o que os mineradores vão fazer hoje à noite": "no_strategy",
        "quando os mineradores desligam": "no_strategy",
    },
    "zh-CN": {
        "我的矿机在哪个矿池": "pools_hidden",
        "我的矿机功耗是多少": "fleet_power",
        "Bitaxe Gamma 的功耗是多少": "miner_power",
        "这个月矿机的电费是多少": "no_price",
        "我的矿机这个月赚了多少钱": "no_coin_price",
        "现在挖矿划算吗": "no_coin_price",
        "为什么Bitaxe Gamma在低功耗模式": "nobody_decides",
        "Bitaxe Gamma是什么模式": "nobody_decides",
        "今晚我的矿机会做什么": "no_strategy",
        "我的矿机什么时候恢复": "no_strategy",
    },
}
"""What people ask of money, reasons and plans, and the text that is in the answer."""


async def assert_answers(house: House, language: str, reply: dict[str, str]) -> None:
    """Say sentences one after the other, and hear how the answers begin."""
    for sentence, answer in reply.items():
        heard = (await ask(house.hass, sentence, language)).replace("\xa0", " ")
        assert heard.startswith(answer), sentence
        await house.hass.async_block_till_done()


def test_all_languages_are_spoken() -> None:
    """Given the files of sentences, then each language has its nine."""
    assert NINE.keys() == read_sentences().keys()
    assert all(len(reply) == 9 for reply in NINE.values())


@pytest.mark.parametrize("language", NINE)
async def test_it_understands_and_answers(house: House, language: str) -> None:
    """Given what people say in a language, then it does that, and answers in it."""
    await assert_answers(house, language, NINE[language])
    assert not house.gamma.paused, "it has restarted"


@pytest.mark.parametrize("language", MORE)
async def test_it_understands_more(house: House, language: str) -> None:
    """Given sentences with names and areas, then the right miners are meant."""
    await assert_answers(house, language, MORE[language])


async def test_it_knows_money_reasons_and_plans(
    house: House, subtests: pytest.Subtests
) -> None:
    """Given questions in a language, then each has its answer."""
    for language, sentences in NEW.items():
        with subtests.test(language):
            code = {"zh-CN": "zh-Hans"}.get(language, language)
            said = texts(code)["selector"]["speech"]["options"]
            for sentence, key in sentences.items():
                heard = await ask(house.hass, sentence, language)
                parts = re.split(
                    r"\{\w+\}", said[key].replace("{name}", "Bitaxe Gamma")
                )
                assert all(part in heard for part in parts), f"{sentence}: {heard}"


async def test_a_name_is_spoken_without_its_marks(house: House) -> None:
    """Given a name that Home Assistant knows with marks only, then it is turned off."""
    said = await ask(house.hass, "schalte den NerdQAxe aus", "de")
    assert said == "NerdQAxe++ ist pausiert."
    assert house.nerd.paused
