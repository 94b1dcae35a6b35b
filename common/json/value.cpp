// SPDX-License-Identifier: Apache-2.0
#include "common/json/value.hpp"

#include <algorithm>

namespace frostline::json {

// Here and not in the header, since Value is incomplete where Object is defined.
Object::Object() = default;
Object::Object(std::initializer_list<Member> members)
{
    for (const Member& member : members) {
        set(member.first, member.second);
    }
}
Object::Object(const Object&) = default;
Object::Object(Object&&) noexcept = default;
Object& Object::operator=(const Object&) = default;
Object& Object::operator=(Object&&) noexcept = default;
Object::~Object() = default;

bool Object::empty() const noexcept
{
    return members_.empty();
}

void Object::set(std::string key, Value value)
{
    const auto found = std::find_if(members_.begin(), members_.end(),
                                    [&](const Member& member) { return member.first == key; });
    if (found != members_.end()) {
        found->second = std::move(value);
    } else {
        members_.emplace_back(std::move(key), std::move(value));
    }
}

void Object::append(std::string key, Value value)
{
    members_.emplace_back(std::move(key), std::move(value));
}

const Value* Object::find(std::string_view key) const
{
    const auto found = std::find_if(members_.begin(), members_.end(),
                                    [&](const Member& member) { return member.first == key; });
    return found != members_.end() ? &found->second : nullptr;
}

bool operator==(const Object& left, const Object& right)
{
    return left.members_ == right.members_;
}

const Value* Value::find(std::string_view key) const
{
    const Object* object = as_object();
    return object != nullptr ? object->find(key) : nullptr;
}

bool operator==(const Value& left, const Value& right)
{
    return left.data_ == right.data_;
}

} // namespace frostline::json
