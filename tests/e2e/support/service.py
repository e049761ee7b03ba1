# SPDX-License-Identifier: MIT
"""Calls Debian's service SDK as the tests of Python ask, a line at a time."""
import json
import os
import sys

from azure.core.exceptions import HttpResponseError
from azure.messaging.webpubsubservice import WebPubSubServiceClient

service = WebPubSubServiceClient.from_connection_string(
    os.environ["WPS_CONNECTION_STRING"], hub="chat")


def content(kind):
    return {"content_type": kind} if kind else {}


def token(user, roles):
    return service.get_client_access_token(user_id=user, roles=roles)


def send_all(message, kind=None):
    service.send_to_all(message, **content(kind))


def send_user(user, message, kind=None):
    service.send_to_user(user, message, **content(kind))


def send_connection(connection, message, kind=None):
    service.send_to_connection(connection, message, **content(kind))


def send_group(group, message, kind=None):
    service.send_to_group(group, message, **content(kind))


def add(group, connection):
    service.add_connection_to_group(group, connection)


def exists(user):
    return [service.user_exists(user), not service.user_exists("no" + user)]


def close(connection, reason):
    service.close_connection(connection, reason=reason)


def call(name, arguments, options):
    """Any method; of a refusal its status and message."""
    try:
        return {"value": getattr(service, name)(*arguments, **options)}
    except HttpResponseError as error:
        return {"status": error.status_code, "message": str(error)}


ACTIONS = {
    "call": call,
    "token": token, "all": send_all, "user": send_user,
    "connection": send_connection, "group": send_group, "add": add,
    "exists": exists, "close": close,
}

for line in sys.stdin:
    name, *arguments = json.loads(line)
    print(json.dumps(ACTIONS[name](*arguments)), flush=True)
