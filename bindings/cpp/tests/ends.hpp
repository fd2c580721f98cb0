#pragma once

#include <rpyc.hpp>

#include <thread>

/** Two ends in memory, of which the far one is served by a thread of its own. */
class Ends {
public:
    explicit Ends(const rpyc::Service &far, const rpyc::Service &near = rpyc::Service("Near"),
                  const rpyc::Config &config = {}) {
        std::tie(near_, far_) = rpyc::connect_pair(near, far, config);
        serving_ = std::thread([this] {
            try {
                far_.serve_all();
            } catch (const rpyc::Error &) {
                // Closed by the other end.
            }
        });
        root = near_.root();
    }
    ~Ends() {
        root = rpyc::Object();
        near_.close();
        serving_.join();
    }
    Ends(const Ends &) = delete;
    Ends &operator=(const Ends &) = delete;
    const rpyc::Connection &near() const { return near_; }

    rpyc::Object root{};

private:
    rpyc::Connection near_{}, far_{};
    std::thread serving_{};
};
