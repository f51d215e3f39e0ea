"""A stand-in model on loopback, and our client of it."""

from collections.abc import Iterator

import pytest

from jobs.reasoning.model import Model
from tests.sandbox.model.service import KEY, StandInModel
from tests.sandbox.world import World, serve


@pytest.fixture(scope="session")
def served() -> Iterator[tuple[StandInModel, World, str]]:
    """One server for all tests of this folder."""
    world, stand_in = World(), StandInModel()
    world.add(stand_in)
    with serve(world.app()) as url:
        yield stand_in, world, f"{url}/model/v1"


@pytest.fixture
def stand_in(served: tuple[StandInModel, World, str]) -> StandInModel:
    """The stand-in, without prompts and orders of other tests."""
    stand_in, world, _ = served
    stand_in.prompts.clear()
    stand_in.forget_orders()
    world.faults.clear()
    return stand_in


@pytest.fixture
def world(served: tuple[StandInModel, World, str]) -> World:
    """The world around it."""
    return served[1]


@pytest.fixture
def base_url(served: tuple[StandInModel, World, str]) -> str:
    """Where it answers."""
    return served[2]


@pytest.fixture(scope="session")
def models(served: tuple[StandInModel, World, str]) -> Iterator[dict[str, Model]]:
    """A client for each API, made once: each of them reads the machine's certificates."""
    apis = ("responses", "chat")
    models = {api: Model(KEY, served[2], api=api, max_retries=0, timeout=5) for api in apis}
    yield models
    for model in models.values():
        model.close()


@pytest.fixture(params=["responses", "chat"])
def model(
    request: pytest.FixtureRequest, models: dict[str, Model], stand_in: StandInModel
) -> Model:
    """Our client, by both APIs in turn."""
    return models[request.param]
