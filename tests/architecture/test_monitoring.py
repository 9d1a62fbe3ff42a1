from tests.architecture.wiring.monitoring import documented_metrics, metrics_written


def test_the_monitoring_page_names_the_metrics_that_are_written_and_no_others() -> None:
    assert documented_metrics() == metrics_written()
