package mdclient

import (
	"errors"
	"math"
	"math/big"
	"math/rand"
	"strings"
	"testing"
)

func TestDecimalsAreExact(t *testing.T) {
	for _, test := range []struct {
		value int64
		exp   int
		want  string
	}{
		{0, -9, "0"}, {0, 5, "0"}, {1, -9, "0.000000001"}, {-1, -9, "-0.000000001"},
		{700 * int64(PxOne), -9, "700"}, {1500000000, -9, "1.5"}, {-100, -2, "-1"}, {12, 3, "12000"},
		{math.MinInt64, 0, "-9223372036854775808"}, {math.MaxInt64, -9, "9223372036.854775807"},
		{5, 19, ""}, {5, -19, ""}, {5, math.MinInt32, ""},
	} {
		if got := FormatDecimal(test.value, test.exp); got != test.want {
			t.Errorf("FormatDecimal(%d, %d) = %q, want %q", test.value, test.exp, got, test.want)
		}
	}
	if PxNone.String() != "" || !math.IsNaN(PxNone.Float64()) {
		t.Error("there is a price where there is none")
	}
	if s := Money(12345).String(); s != "1.2345" {
		t.Errorf("got %q", s)
	}
	if s := Size(25).Format(-8); s != "0.00000025" {
		t.Errorf("got %q", s)
	}
}

func TestDecimalsAreReadOrRefused(t *testing.T) {
	for _, test := range []struct {
		text string
		want int64
		err  error
	}{
		{"0", 0, nil}, {"-0.000", 0, nil}, {"1.5", 1500000000, nil}, {"+.5", 500000000, nil},
		{"1.", 1000000000, nil}, {"1e-9", 1, nil}, {"0.0000000010000", 1, nil}, {"2e3", 2000e9, nil},
		{"9223372036.854775806", math.MaxInt64 - 1, nil}, {"-9223372036.854775807", -math.MaxInt64, nil},
		{"-9223372036.854775808", 0, ErrRange}, {"0e999999999999999999999", 0, nil},
		{"0.00000000000000000000000000001e20", 1, nil},
		{"9223372036.854775807", 0, ErrRange}, {"9223372037", 0, ErrRange}, {"1e10", 0, ErrRange},
		{"0.0000000001", 0, ErrRange}, {"1e999999999999999999999", 0, ErrRange},
		{"1e-999999999999999999999", 0, ErrRange}, {strings.Repeat("9", 5000), 0, ErrRange},
		{"", 0, ErrSyntax}, {".", 0, ErrSyntax}, {"-", 0, ErrSyntax}, {"--1", 0, ErrSyntax},
		{"1..2", 0, ErrSyntax}, {"1.2.3", 0, ErrSyntax}, {"NaN", 0, ErrSyntax}, {"inf", 0, ErrSyntax},
		{" 1", 0, ErrSyntax}, {"1 ", 0, ErrSyntax}, {"0x1", 0, ErrSyntax}, {"1e", 0, ErrSyntax},
		{"1e+", 0, ErrSyntax}, {"1e1.5", 0, ErrSyntax}, {"e5", 0, ErrSyntax}, {"1_000", 0, ErrSyntax},
		{"1e1_0", 0, ErrSyntax}, {"١", 0, ErrSyntax},
	} {
		got, err := ParsePrice(test.text)
		if !errors.Is(err, test.err) || (err != nil) != (test.err != nil) || int64(got) != test.want {
			t.Errorf("ParsePrice(%.40q) = %d, %v; want %d, %v", test.text, got, err, test.want, test.err)
		}
	}
}

// What is written is read again as the same number, and is what arithmetic without limits makes of it.
func TestDecimalsComeBack(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for i := 0; i < 100000; i++ {
		value := random.Int63n(math.MaxInt64) >> random.Intn(63)
		if random.Intn(2) == 0 {
			value = -value
		}
		exp := random.Intn(37) - 18
		text := FormatDecimal(value, exp)
		if got, err := ParseDecimal(text, exp); err != nil || got != value {
			t.Fatalf("%d times 10^%d is written %q and read %d, %v", value, exp, text, got, err)
		}
		exact, _ := new(big.Rat).SetString(text)
		power := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(abs(exp))), nil))
		if exp < 0 {
			power.Inv(power)
		}
		if exact.Cmp(power.Mul(power, big.NewRat(value, 1))) != 0 {
			t.Fatalf("%d times 10^%d is written %q", value, exp, text)
		}
	}
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
