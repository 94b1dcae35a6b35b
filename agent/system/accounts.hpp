// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <functional>
#include <string>
#include <vector>

namespace frostline::system {

struct PasswordChange {
    std::string user;
    std::string password; ///< or its hash
    bool hashed = false;
};

struct KeyChange {
    enum class What {
        add,     ///< those that are not there yet
        replace, ///< the file holds these and nothing else
        remove,
    };
    What what = What::add;
    std::vector<std::string> keys;
};

/// The guest's users: passwords and SSH keys. Loop thread only; callbacks come once, never inside
/// the call. Nothing of it may run while anything is frozen.
class Accounts {
public:
    using Done = std::function<void(Result<void>)>;
    using Keys = std::function<void(Result<std::vector<std::string>>)>;

    virtual ~Accounts() = default;

    /// An invalid_argument error when name or password have characters that cannot be passed on.
    virtual void set_password(PasswordChange change, Done done) = 0;
    /// The keys in ~/.ssh/authorized_keys, in the order of the file; that it is missing is an
    /// error.
    virtual void authorized_keys(const std::string& user, Keys done) = 0;
    /// See authorized_keys.hpp for what becomes of the file's other lines.
    virtual void change_authorized_keys(const std::string& user, KeyChange change, Done done) = 0;
};

} // namespace frostline::system
