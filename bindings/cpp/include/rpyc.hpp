/**
 * librpyc for C++17 and newer: includes everything of namespace rpyc.
 *
 * These headers are a layer over rpyc.h. Link with librpyc. docs/guide/cpp.md is the guide.
 */
#ifndef RPYC_HPP
#define RPYC_HPP

#if !defined(__cplusplus) || __cplusplus < 201703L
#error "rpyc.hpp needs C++17 or newer"
#endif

#include <rpyc.h>

#include "rpyc/traits.hpp"
#include "rpyc/value.hpp"
#include "rpyc/error.hpp"
#include "rpyc/exceptions.hpp"
#include "rpyc/timeout.hpp"
#include "rpyc/object.hpp"
#include "rpyc/convert.hpp"
#include "rpyc/times.hpp"
#include "rpyc/access.hpp"
#include "rpyc/types.hpp"
#include "rpyc/array.hpp"
#include "rpyc/containers.hpp"
#include "rpyc/raise.hpp"
#include "rpyc/authentication.hpp"
#include "rpyc/connection.hpp"
#include "rpyc/future.hpp"
#include "rpyc/async.hpp"
#include "rpyc/batch.hpp"
#include "rpyc/literal.hpp"
#include "rpyc/buffer.hpp"
#include "rpyc/coroutine.hpp"
#include "rpyc/call.hpp"
#include "rpyc/function.hpp"
#include "rpyc/class.hpp"
#include "rpyc/shared.hpp"
#include "rpyc/service.hpp"
#include "rpyc/client.hpp"
#include "rpyc/connecting.hpp"
#include "rpyc/server.hpp"
#include "rpyc/stream.hpp"
#include "rpyc/queue.hpp"
#include "rpyc/live.hpp"
#include "rpyc/slave.hpp"
#include "rpyc/classic.hpp"

#endif
