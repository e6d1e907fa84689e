"""Delivers the lines of a growing file with the client's bulk helper.

Whatever was not acknowledged is delivered again, as a shipper does.
"""

import json
import sys
import time

from elasticsearch import ApiError, Elasticsearch, TransportError
from elasticsearch.helpers import BulkIndexError, streaming_bulk

CHUNK = 100

url, token, path, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
client = Elasticsearch(url, basic_auth=("sandtrap", token), request_timeout=30)


def deliver(events):
    actions = [{"_op_type": "create", "_index": "events", "_source": event} for event in events]
    while True:
        try:
            taken = sum(ok for ok, _ in streaming_bulk(client, actions, chunk_size=CHUNK, max_retries=3))
            if taken == len(events):
                return
        except (ApiError, BulkIndexError, TransportError) as error:
            print(f"again: {error!r:.200}", flush=True)
        time.sleep(0.1)


print(client.info()["version"]["number"], flush=True)
delivered, waiting = 0, []
with open(path, encoding="utf-8") as lines:
    while delivered < count:
        line = lines.readline()
        if line:
            waiting.append(json.loads(line))
        if len(waiting) == CHUNK or (waiting and not line):
            deliver(waiting)
            delivered += len(waiting)
            waiting = []
        elif not line:
            time.sleep(0.05)
print(f"delivered {delivered}", flush=True)
