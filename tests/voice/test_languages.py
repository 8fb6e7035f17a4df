"""Assist understands and answers in the other languages, too."""

import pytest

from .conftest import House
from .talk import ask

pytestmark = pytest.mark.usefixtures("quick")

SAID = {
    "fr": {
        "est-ce que mes mineurs tournent": "2 mineurs sur 3 sont en ligne. Shed : ",
        "comment va la bitaxe gamma": "Bitaxe Gamma : Mine, 1,07 térahashs par",
        "quel est l'état du bitaxe gamma": "Bitaxe Gamma : Mine, 1,07 térahashs par",
        "quel est mon hashrate": "Vos mineurs font 2,14 térahashs par seconde.",
        "quel mineur est le plus chaud": "Bitaxe Gamma est le plus chaud, avec ",
        "quand vais-je trouver un bloc": "La chance de trouver un bloc est de 1 sur ",
        "combien ont coûté mes mineurs aujourd'hui": "Aucun prix de l'électricité",
        "quel est mon meilleur share": "Le meilleur share est de 13,8 milliards, ",
        "mets la bitaxe gamma en mode éco": "Bitaxe Gamma est réglé sur Éco.",
        "mets les mineurs du garage sur eco": "Bitaxe Gamma est réglé sur Éco.",
        "mets le minage en pause": "2 mineurs sur 3 sont en pause. Shed : ",
        "relance la bitaxe gamma": "Bitaxe Gamma mine de nouveau.",
        "redémarre le mineur bitaxe gamma": "Bitaxe Gamma a redémarré.",
    },
    "es": {
        "cómo están mis mineros": "2 de 3 mineros están en línea. Shed: ",
        "por qué está la bitaxe gamma parada": "Bitaxe Gamma: Minando, 1,07 terahashes",
        "cuál es mi hashrate": "Tus mineros hacen 2,14 terahashes por segundo.",
        "qué minero está más caliente": "Bitaxe Gamma es el más caliente, con ",
        "cuándo encontraré un bloque": "La probabilidad de un bloque es de 1 entre ",
        "cuánto me cuestan hoy los mineros": "No hay ningún precio de la electricidad.",
        "cuál es mi mejor share": "El mejor share es 13,8 mil millones, ",
        "pon la bitaxe gamma en modo eco": "Bitaxe Gamma está ahora en Eco.",
        "pon los mineros del garage en eco": "Bitaxe Gamma está ahora en Eco.",
        "pausa la minería": "2 de 3 mineros están en pausa. Shed: ",
        "reanuda la bitaxe gamma": "Bitaxe Gamma vuelve a minar.",
        "reinicia el minero bitaxe gamma": "Bitaxe Gamma se ha reiniciado.",
    },
    "pt-BR": {
        "como estão os meus mineradores": "2 de 3 mineradores estão online. Shed: ",
        "como está a bitaxe gamma": "Bitaxe Gamma: Minerando, 1,07 terahashes por",
        "qual é o meu hashrate": "Seus mineradores fazem 2,14 terahashes por segundo.",
        "qual minerador está mais quente": "Bitaxe Gamma é o mais quente, com ",
        "quando vou achar um bloco": "A chance de um bloco é de 1 em ",
        "quanto custam os meus mineradores hoje": "Nenhum preço da eletricidade",
        "qual é o melhor share dos meus mineradores": "O melhor share é 13,8 bilhões",
        "coloque a bitaxe gamma no modo eco": "Bitaxe Gamma está agora em Eco.",
        "coloque os mineradores da garage em eco": "Bitaxe Gamma está agora em Eco.",
        "pause a mineração": "2 de 3 mineradores estão pausados. Shed: ",
        "retome a bitaxe gamma": "Bitaxe Gamma voltou a minerar.",
        "reinicie o minerador bitaxe gamma": "Bitaxe Gamma reiniciou.",
    },
}


@pytest.mark.parametrize("language", SAID)
async def test_it_understands_and_answers(house: House, language: str) -> None:
    """Given sentences of a language, then it does what they say, and answers in it."""
    for sentence, answer in SAID[language].items():
        said = (await ask(house.hass, sentence, language)).replace("\xa0", " ")
        assert said.startswith(answer), sentence
        await house.hass.async_block_till_done()
