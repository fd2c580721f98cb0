#!/usr/bin/env python3
"""Writes stations.csv: ten days of 20 invented weather stations, the same numbers at every run."""
import csv
import datetime
import math
import os
import random

STATIONS = [
    ("Arnfjord", "coast", 4), ("Belmont Ridge", "hills", 612), ("Castellane Pass", "mountains", 1834), ("Dunmore Head", "coast", 21),
    ("Eskdale", "valley", 118), ("Fern Hollow", "valley", 96), ("Granite Peak", "mountains", 2410), ("Haverholm", "plain", 33),
    ("Inch Lighthouse", "coast", 12), ("Juniper Flats", "plain", 204), ("Kestrel Rock", "hills", 488), ("Langmoor", "plain", 57),
    ("Mill Crossing", "valley", 141), ("North Quay", "coast", 3), ("Oakhurst", "hills", 355), ("Pine Saddle", "mountains", 1520),
    ("Quarry Hill", "hills", 402), ("Rushmere", "plain", 48), ("Saint Brice", "valley", 230), ("Tarn Hut", "mountains", 2075),
]
WIND = {"coast": 34, "hills": 22, "mountains": 38, "plain": 16, "valley": 9}


def tenths(x):
    return "%.1f" % (round(x, 1) + 0.0)  # never -0.0


chance = random.Random(20240301)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "stations.csv"), "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    out.writerow(("station", "region", "elevation_m", "date", "temp_min_c", "temp_max_c", "rain_mm", "wind_kmh"))
    for day in range(10):
        date = datetime.date(2024, 3, 1) + datetime.timedelta(day)
        front = math.sin(day * 0.9)  # a front comes and goes for all of them
        for name, region, elevation in STATIONS:
            noon = 12.5 - elevation * 0.0065 - 4 * front + chance.uniform(-1.5, 1.5)
            night = noon - chance.uniform(3, 9) + 2 * (region == "coast")
            rain = max(0, 14 * front + chance.uniform(-8, 8)) * (1 + elevation / 2000)
            wind = WIND[region] * (1 + 0.6 * front) * chance.uniform(0.6, 1.4)
            out.writerow((name, region, elevation, date, tenths(night), tenths(noon), tenths(rain), "%.0f" % wind))
