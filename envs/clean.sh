#!/bin/sh
# Run a command with nothing of the caller's environment but what is listed here.
#
#     sh envs/clean.sh COMMAND [ARGUMENT]...
#
# Listed is what finds the tools (PATH, without folders that would depend on where the command runs; LD_LIBRARY_PATH, for
# an interpreter from a cluster's module system; PYTHON, see envs/setup.sh), what finds the user's configuration, caches
# and keys, the proxy and the certificates, and PIP_* and UV_*, of which envs/index_settings.py takes those of the index.
#
# bash may have functions and aliases from the caller, by any name. Assigning POSIXLY_CORRECT makes it obey POSIX, where
# no function replaces the special built-ins; nothing else is called before the functions of that name are dropped.
POSIXLY_CORRECT=1
\unset -f env sed umask
umask u=rwx # a caller's 0777 would make files that nobody can use

listed='LD_LIBRARY_PATH PYTHON HOME TMPDIR TERM
    XDG_CONFIG_HOME XDG_CONFIG_DIRS XDG_CACHE_HOME XDG_DATA_HOME XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS NETRC
    HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy no_proxy
    SSL_CERT_FILE SSL_CERT_DIR SSL_CLIENT_CERT REQUESTS_CA_BUNDLE CURL_CA_BUNDLE'
managers=$(LC_ALL=C env | LC_ALL=C sed -n -e 's/^\(PIP_[A-Z0-9_]*\)=.*/\1/p' -e 's/^\(UV_[A-Z0-9_]*\)=.*/\1/p')

# The assignments go before the command, for `env`.
IFS=' 
'
for name in $listed $managers; do
    eval "case \${$name:+set} in set) set -- \"$name=\$$name\" \"\$@\" ;; esac"
done

set -f
IFS=:
path=
for folder in $PATH; do
    case $folder in /*) path=${path:+$path:}$folder ;; esac
done
exec env -i "PATH=${path:-/usr/local/bin:/usr/bin:/bin}" "$@"
