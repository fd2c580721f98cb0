"""Certificates for tests of TLS, made by the command openssl for each test that asks: nothing of them is kept."""
import os
import subprocess

EXTENSIONS = """[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical,CA:FALSE
subjectAltName = %s
"""


def openssl(*args):
    done = subprocess.run(["openssl", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError("openssl %s: %s" % (" ".join(args), done.stdout))
    return done.stdout


class Authority:
    """A folder with an own CA (ca.pem), and what it has signed."""

    def __init__(self, folder, name="ca"):
        self.folder, self.name = folder, name
        self.ca, self.ca_key = self.path(name + ".pem"), self.path(name + ".key")
        self.config = self.path(name + ".conf")
        self.extensions("DNS:unused")
        self.key(self.ca_key)
        openssl("req", "-x509", "-new", "-key", self.ca_key, "-out", self.ca, "-days", "30", "-subj", "/CN=test " + name,
                "-config", self.config, "-extensions", "ca")

    def path(self, name):
        return os.path.join(self.folder, name)

    def extensions(self, names):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(EXTENSIONS % names)

    @staticmethod
    def key(path, kind="ec"):
        if kind == "rsa":
            openssl("genrsa", "-out", path, "2048")
        else:
            openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)

    def version_1(self, name):
        """(certificate, key) as `openssl x509 -req` makes it of a request without extensions."""
        pem, key, request = (self.path(name + ending) for ending in (".pem", ".key", ".csr"))
        self.key(key)
        openssl("req", "-new", "-key", key, "-out", request, "-subj", "/CN=" + name, "-config", self.config)
        openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial", "-out", pem, "-days", "30")
        return pem, key

    def leaf(self, name, alt="DNS:localhost,IP:127.0.0.1", begin=None, end=None, kind="ec"):
        """(certificate, key) that the authority has signed; `begin` and `end` as YYYYMMDDHHMMSSZ."""
        pem, key, request = (self.path(name + ending) for ending in (".pem", ".key", ".csr"))
        self.key(key, kind)
        self.extensions(alt)
        openssl("req", "-new", "-key", key, "-out", request, "-subj", "/CN=" + name, "-config", self.config)
        if begin or end:
            index, serial = self.path(name + ".index"), self.path(name + ".serial")
            open(index, "w").close()
            with open(serial, "w") as file:
                file.write("77\n")
            with open(self.config, "a", encoding="utf-8") as file:
                file.write("[own]\ndatabase = %s\nserial = %s\nnew_certs_dir = %s\ndefault_md = sha256\npolicy = any\n"
                           "[any]\ncommonName = supplied\n" % (index, serial, self.folder))
            openssl("ca", "-batch", "-name", "own", "-config", self.config, "-in", request, "-out", pem, "-notext", "-cert", self.ca,
                    "-keyfile", self.ca_key, "-startdate", begin or "20200101000000Z", "-enddate", end or "20991231000000Z",
                    "-extensions", "leaf")
        else:
            openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial", "-out", pem,
                    "-days", "30", "-extfile", self.config, "-extensions", "leaf")
        return pem, key

    def self_signed(self, name):
        """(certificate, key) as people make them for RPyC: `openssl req -x509`, a CA by itself."""
        pem, key = self.path(name + ".pem"), self.path(name + ".key")
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", pem, "-days", "30", "-subj", "/CN=" + name)
        return pem, key


def fingerprint(pem):
    """SHA-256 of a certificate, in hexadecimal with colons."""
    return openssl("x509", "-in", pem, "-noout", "-fingerprint", "-sha256").strip().split("=", 1)[1]
