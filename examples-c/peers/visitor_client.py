"""Tries what 14_access_rules lets it do."""
from address import connect

conn = connect()
gate = conn.root


def attempt(text, call):
    try:
        result = call()
        print("%-28s %s" % (text, "ok" if result is None else result))
    except (AttributeError, PermissionError) as e:
        print("%-28s %s" % (text, type(e).__name__))


attempt("open()", lambda: gate.open())
attempt("maintenance()", lambda: gate.maintenance())
attempt("trust('please')", lambda: gate.trust("please"))
attempt("trust('open sesame')", lambda: gate.trust("open sesame"))
attempt("maintenance()", lambda: gate.maintenance())
attempt("_self_destruct()", lambda: gate._self_destruct())

settings = gate.settings()
attempt("settings.host", lambda: settings.host)
attempt("settings.port", lambda: settings.port)
attempt("settings.password", lambda: settings.password)
attempt("settings.port = 8080", lambda: setattr(settings, "port", 8080))
attempt("settings.host = 'elsewhere'", lambda: setattr(settings, "host", "elsewhere"))
conn.close()
