package mdclient

import (
	"math"
	"unsafe"
)

// What a tick must be that a publisher sends, as lib/shm/valid.h has it. The daemon ends the connection of
// a publisher that sends another one all the same; so this package refuses it before, with a sentence.

const validFlags = FlagLast | FlagSnapshot | FlagStale | FlagMaybeBadBook | FlagBadTsRecv | FlagOddLot |
	FlagExtended | FlagSweep | FlagExempt | FlagCross | FlagInactive | FlagPrePost

func validPrices(prices ...Price) bool {
	for _, p := range prices {
		if p == math.MinInt64 {
			return false
		}
	}
	return true
}

func validChars(chars ...byte) bool {
	for _, c := range chars {
		if c != 0 && (c < ' ' || c >= 0x7f) {
			return false
		}
	}
	return true
}

func allZero(bytes []byte) bool {
	for _, b := range bytes {
		if b != 0 {
			return false
		}
	}
	return true
}

// wrong says what is wrong with a tick in words ("a quote whose ..."); "" where nothing is.
func (t *Tick) wrong() string {
	if t.Flags&^validFlags != 0 {
		return "a tick with unknown flags"
	}
	switch t.Kind {
	case KindQuote:
		return t.Quote().wrong()
	case KindTrade:
		return t.Trade().wrong()
	case KindBar:
		return t.Bar().wrong()
	case KindTotals:
		if b := t.Totals(); b.Trades < 0 || b.Breaks < 0 || b.BrokenVolume < 0 {
			return "totals with a negative count"
		}
	case KindStatus:
		return t.Status().wrong()
	case KindAuction:
		return t.Auction().wrong()
	case KindClearing:
		if b := t.Clearing(); !validPrices(b.ClearingPx, b.BookPx, b.CollarLo, b.CollarHi) {
			return "clearing prices out of range"
		}
	case KindOfficial:
		if b := t.Official(); !validPrices(b.OpenPx, b.ClosePx) {
			return "official prices out of range"
		}
	case KindBroken:
		if b := t.Broken(); !validPrices(b.Px) || b.Sz < 0 || b.Volume < 0 {
			return "a break whose price or size is out of range"
		}
	default:
		return "a tick of a kind that nobody can publish"
	}
	return ""
}

func (b *Quote) wrong() string {
	switch {
	case !validPrices(b.BidPx, b.AskPx):
		return "a quote whose price is out of range"
	case b.BidSz < 0 || b.AskSz < 0:
		return "a quote whose size is negative"
	case b.BidPx == PxNone && b.BidSz != 0 || b.AskPx == PxNone && b.AskSz != 0:
		return "a quote with a size but no price"
	}
	return ""
}

func (b *Trade) wrong() string {
	switch {
	case !validPrices(b.Px):
		return "a trade whose price is out of range"
	case b.Sz < 0 || b.Volume < 0:
		return "a trade whose size or volume is negative"
	case b.Px == PxNone && (b.Sz != 0 || b.Volume != 0 || b.TradeID != 0):
		return "a trade with a size, volume or number but no price"
	}
	return ""
}

func (b *Bar) wrong() string {
	switch {
	case !validPrices(b.Open, b.High, b.Low, b.Close):
		return "a bar whose price is out of range"
	case b.High != PxNone && b.Low != PxNone && b.High < b.Low:
		return "a bar whose high is below its low"
	}
	return ""
}

func (b *Status) wrong() string {
	used := unsafe.Offsetof(b.Security) + unsafe.Sizeof(b.Security)
	bytes := (*[unsafe.Sizeof(*b)]byte)(unsafe.Pointer(b))
	switch {
	case !validChars(bytes[:used]...):
		return "a status with an unprintable character"
	case !allZero(bytes[used:]):
		return "a status whose unused bytes are not zero"
	}
	return ""
}

func (b *Auction) wrong() string {
	switch {
	case !validPrices(b.RefPx) || b.Paired < 0 || b.Imbalance < 0:
		return "an auction whose price or size is out of range"
	case !validChars(b.Type, b.Side, b.Variation):
		return "an auction with an unprintable character"
	}
	return ""
}

// wrongName says whether a symbol or venue cannot be: printable, without spaces at its ends, and not
// longer than most.
func wrongName(name string, most int) bool {
	for i := 0; i < len(name); i++ {
		if name[i] < ' ' || name[i] >= 0x7f {
			return true
		}
	}
	return len(name) > most || name != "" && (name[0] == ' ' || name[len(name)-1] == ' ')
}
