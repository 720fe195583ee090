"""A stand-in for dom0's XenAPIPlugin.py (xapi's, LGPL), for plug-ins run by any Python from 3.6 on.

xapi runs a plug-in with one argument, an XML-RPC call whose parameters are the session and a map of
strings; the plug-in prints an XML-RPC response with Status and Value or ErrorDescription.
"""

import sys
import xmlrpc.client

import XenAPI  # type: ignore[import-not-found]


class Failure(Exception):
    def __init__(self, code, params):  # type: ignore[no-untyped-def]
        Exception.__init__(self, code)
        self.params = [code, *params]


def dispatch(functions):  # type: ignore[no-untyped-def]
    (session, arguments), name = xmlrpc.client.loads(sys.argv[1])
    try:
        value = functions[name](XenAPI.xapi_local(session), arguments)
        answer = {"Status": "Success", "Value": value}
    except Failure as failure:
        answer = {"Status": "Failure", "ErrorDescription": failure.params}
    except Exception as error:
        described = ["XENAPI_PLUGIN_FAILURE", name, type(error).__name__, str(error)]
        answer = {"Status": "Failure", "ErrorDescription": described}
    print(xmlrpc.client.dumps((answer,), methodresponse=True))
