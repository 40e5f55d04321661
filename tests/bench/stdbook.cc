/* The yardstick of the books; stdbook.h tells the idea. */

#include "stdbook.h"

#include <functional>
#include <map>
#include <unordered_map>
#include <vector>

namespace {

struct Level {
        int64_t sz = 0;
        uint32_t orders = 0;
};

struct Order {
        int64_t px;
        uint32_t sz, instrument;
        bool ask;
};

struct Sides {
        std::map<int64_t, Level, std::greater<int64_t>> bids;
        std::map<int64_t, Level> asks;
};

} // namespace

struct stdbook {
        std::vector<Sides> sides;
        std::unordered_map<uint64_t, Order> orders;
        int64_t sum = 0;

        explicit stdbook(uint32_t instruments) : sides(instruments) {
        }

        void look(const Sides &s) {
                if (!s.bids.empty())
                        sum += s.bids.begin()->first;
                if (!s.asks.empty())
                        sum += s.asks.begin()->first;
        }

        template <typename Map> static void add_to(Map &map, int64_t px, uint32_t sz) {
                Level &level = map[px];

                level.sz += sz;
                level.orders++;
        }

        template <typename Map>
        static void take_from(Map &map, int64_t px, uint32_t sz, bool whole) {
                auto found = map.find(px);

                found->second.sz -= sz;
                if (whole && --found->second.orders == 0)
                        map.erase(found);
        }
};

stdbook *stdbook_new(uint32_t instruments) {
        return new stdbook(instruments);
}

void stdbook_free(stdbook *book) {
        delete book;
}

void stdbook_add(stdbook *book, uint32_t instrument, uint64_t ref, bool ask, int64_t px,
                 uint32_t sz) {
        Sides &s = book->sides[instrument];

        book->orders.emplace(ref, Order{ px, sz, instrument, ask });
        if (ask)
                stdbook::add_to(s.asks, px, sz);
        else
                stdbook::add_to(s.bids, px, sz);
        book->look(s);
}

void stdbook_take(stdbook *book, uint64_t ref, uint32_t sz) {
        auto found = book->orders.find(ref);

        if (found == book->orders.end())
                return;
        Order &order = found->second;
        Sides &s = book->sides[order.instrument];
        bool whole = sz >= order.sz;

        if (whole)
                sz = order.sz;
        if (order.ask)
                stdbook::take_from(s.asks, order.px, sz, whole);
        else
                stdbook::take_from(s.bids, order.px, sz, whole);
        if (whole)
                book->orders.erase(found);
        else
                order.sz -= sz;
        book->look(s);
}

void stdbook_replace(stdbook *book, uint64_t ref, uint64_t new_ref, int64_t px, uint32_t sz) {
        auto found = book->orders.find(ref);

        if (found == book->orders.end())
                return;
        Order order = found->second;

        stdbook_take(book, ref, UINT32_MAX);
        stdbook_add(book, order.instrument, new_ref, order.ask, px, sz);
}

int64_t stdbook_sum(const stdbook *book) {
        return book->sum;
}
