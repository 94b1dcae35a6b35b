// SPDX-License-Identifier: Apache-2.0
#include "common/xml.hpp"

#include <memory>

#include <glib.h>

namespace frostline::xml {

namespace {

constexpr std::size_t deepest = 256;

struct Reader {
    Element top; ///< whose only child is the root
    std::vector<Element*> open{&top};
};

void start(GMarkupParseContext* /*context*/, const gchar* name, const gchar** names,
           const gchar** values, gpointer data, GError** error)
{
    Reader& reader = *static_cast<Reader*>(data);
    if (reader.open.size() > deepest) {
        g_set_error_literal(error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT,
                            "its elements lie too deep");
        return;
    }
    Element element;
    element.name = name;
    for (; *names != nullptr; ++names, ++values) {
        element.attributes[*names] = *values;
    }
    std::vector<Element>& siblings = reader.open.back()->children;
    siblings.push_back(std::move(element));
    reader.open.push_back(&siblings.back());
}

void end(GMarkupParseContext* /*context*/, const gchar* /*name*/, gpointer data, GError** /*error*/)
{
    static_cast<Reader*>(data)->open.pop_back();
}

void text(GMarkupParseContext* /*context*/, const gchar* content, gsize size, gpointer data,
          GError** /*error*/)
{
    static_cast<Reader*>(data)->open.back()->text.append(content, size);
}

struct Free {
    void operator()(GMarkupParseContext* context) const noexcept
    {
        g_markup_parse_context_free(context);
    }
    void operator()(gchar* string) const noexcept { g_free(string); }
    void operator()(GError* error) const noexcept { g_error_free(error); }
};

} // namespace

const Element* Element::child(std::string_view child_name) const
{
    for (const Element& element : children) {
        if (element.name == child_name) {
            return &element;
        }
    }
    return nullptr;
}

std::string Element::attribute(const std::string& attribute_name) const
{
    const auto found = attributes.find(attribute_name);
    return found == attributes.end() ? std::string{} : found->second;
}

Result<Element> parse(std::string_view source)
{
    const GMarkupParser parser{start, end, text, nullptr, nullptr};
    Reader reader;
    const std::unique_ptr<GMarkupParseContext, Free> context{
        g_markup_parse_context_new(&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, &reader, nullptr)};
    GError* raw = nullptr;
    const bool good = g_markup_parse_context_parse(context.get(), source.data(),
                                                   static_cast<gssize>(source.size()), &raw) != 0 &&
                      g_markup_parse_context_end_parse(context.get(), &raw) != 0;
    const std::unique_ptr<GError, Free> error{raw};
    if (!good) {
        return fail(ErrorKind::invalid_argument, std::string{"not understood as XML: "} +
                                                     (error ? error->message : "no reason given"));
    }
    if (reader.top.children.size() != 1) {
        return fail(ErrorKind::invalid_argument, "not understood as XML: it has no single root");
    }
    return std::move(reader.top.children.front());
}

std::string escape(std::string_view source)
{
    const std::unique_ptr<gchar, Free> escaped{
        g_markup_escape_text(source.data(), static_cast<gssize>(source.size()))};
    return escaped.get();
}

} // namespace frostline::xml
