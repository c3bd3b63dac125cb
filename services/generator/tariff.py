"""What the catalogue says of a task that has ended: what a delivered picture costs, and when its model retires."""

from generator.catalogue import Catalogue
from generator.conclusions import Pricing, Retirement
from generator.records import JobRecord, TaskRecord
from generator.sizes import Size
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.faults import Fault


def pricing(catalogue: Catalogue) -> Pricing:
    """The price of a delivered picture: by its own size, where that was left to the model, else as it was held."""

    def price_micros(job: JobRecord, task: TaskRecord, picture: pb.Picture) -> int:
        delivered = catalogue.delivered_micros(
            job.purchase.draws[task.index],
            dialect=job.purchase.dialect,
            markup_percent=job.markup_percent,
            size=Size(picture.width, picture.height),
        )
        return task.price_micros if delivered is None else delivered

    return price_micros


def retirement(catalogue: Catalogue) -> Retirement:
    """The dates of a public model; none for one that has left the catalogue, or is an account's own."""

    def dates(name: str) -> tuple[str, str]:
        try:
            model = catalogue.model(name)
        except Fault:
            return "", ""
        return model.deprecated_on, model.sunset_on

    return dates
