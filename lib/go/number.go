package mdclient

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Price is a price in units of 1e-9 of the currency; PxNone where there is none. The numbers between
// MinInt64 and MaxInt64, both excluded, are prices.
type Price int64

// Size is a size in units of 10^SizeExp of its instrument: for shares SizeExp is mostly 0, for crypto -8.
type Size int64

// Money is a sum of prices times sizes in units of 1e-4 of the currency. It stops at the largest
// number.
type Money int64

const (
	priceExp = -9
	moneyExp = -4
)

// String returns the price as an exact decimal without needless zeros, "" for PxNone.
func (p Price) String() string {
	if p == PxNone {
		return ""
	}
	return FormatDecimal(int64(p), priceExp)
}

// Float64 returns the price for arithmetic that may be inexact; NaN for PxNone.
func (p Price) Float64() float64 {
	if p == PxNone {
		return math.NaN()
	}
	return float64(p) / float64(PxOne)
}

// String returns the sum as an exact decimal.
func (m Money) String() string {
	return FormatDecimal(int64(m), moneyExp)
}

// Format returns the size as an exact decimal, given the SizeExp of its instrument.
func (s Size) Format(sizeExp int32) string {
	return FormatDecimal(int64(s), int(sizeExp))
}

// ParsePrice reads a price. ErrSyntax: it is no number. ErrRange: it is too large, or finer than 1e-9.
func ParsePrice(text string) (Price, error) {
	v, err := ParseDecimal(text, priceExp)
	return Price(v), err
}

// ParseSize reads a size, given the SizeExp of its instrument. Errors as ParsePrice.
func ParseSize(text string, sizeExp int32) (Size, error) {
	v, err := ParseDecimal(text, int(sizeExp))
	return Size(v), err
}

const expMax = 18 // of 10, for units

// FormatDecimal returns value times 10^exp without needless zeros; "" where exp is not -18 to 18.
func FormatDecimal(value int64, exp int) string {
	if exp < -expMax || exp > expMax {
		return ""
	}
	magnitude, sign := uint64(value), ""
	if value < 0 {
		magnitude, sign = -magnitude, "-"
	}
	if magnitude == 0 {
		return "0"
	}
	for exp < 0 && magnitude%10 == 0 {
		magnitude /= 10
		exp++
	}
	digits := strconv.FormatUint(magnitude, 10)
	if exp >= 0 {
		return sign + digits + strings.Repeat("0", exp)
	}
	if missing := 1 - exp - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	point := len(digits) + exp
	return sign + digits[:point] + "." + digits[point:]
}

// What ParseDecimal and its like cannot read.
var (
	ErrSyntax = errors.New("no number")
	ErrRange  = errors.New("too large or too fine a number")
)

// ParseDecimal reads a decimal ("-1.5", "2e6") as units of 10^exp. ErrSyntax: it is no number. ErrRange:
// it is too large, or finer than 10^exp.
func ParseDecimal(text string, exp int) (int64, error) {
	negative, digits, scale, ok := splitDecimal(text)
	if !ok {
		return 0, failure(ErrSyntax, "%.64q is no number", text)
	}
	magnitude, ok := scaleDigits(digits, scale-exp)
	if !ok || !negative && magnitude == math.MaxInt64 {
		return 0, failure(ErrRange, "%.64q is too large, or finer than 10^%d", text, exp)
	}
	if negative {
		magnitude = -magnitude
	}
	return magnitude, nil
}

const scaleMax = 1 << 20 // of an exponent: far beyond anything that fits, and far from an overflow

// splitDecimal takes a decimal apart: it is digits times 10^scale.
func splitDecimal(text string) (negative bool, digits string, scale int, ok bool) {
	if text != "" && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		text = text[1:]
	}
	mantissa := text
	if e := strings.IndexAny(text, "eE"); e >= 0 {
		mantissa = text[:e]
		scale, ok = parseExponent(text[e+1:])
		if !ok {
			return
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits = whole + fraction
	ok = digits != "" && strings.Trim(digits, "0123456789") == ""
	return negative, digits, scale - len(fraction), ok
}

func parseExponent(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	switch {
	case err == nil && n > scaleMax || errors.Is(err, strconv.ErrRange) && text[0] != '-':
		return scaleMax, true
	case err == nil && n < -scaleMax || errors.Is(err, strconv.ErrRange):
		return -scaleMax, true
	}
	return n, err == nil
}

// scaleDigits returns digits times 10^scale, if that is a whole number up to MaxInt64.
func scaleDigits(digits string, scale int) (magnitude int64, ok bool) {
	trimmed := strings.TrimRight(digits, "0")
	scale += len(digits) - len(trimmed)
	trimmed = strings.TrimLeft(trimmed, "0")
	if trimmed == "" {
		return 0, true
	}
	if scale < 0 || scale > expMax {
		return 0, false
	}
	magnitude, err := strconv.ParseInt(trimmed+strings.Repeat("0", scale), 10, 64)
	return magnitude, err == nil
}
