/**
 * Ten small programs of the kinds that guests are made of. Each exports `run(n: i32) -> i64`, which does work in proportion to
 * `n` and answers a checksum of it.
 */
export interface Kernel {
  readonly name: string;
  readonly text: string;
  /** Some tens of milliseconds of work. */
  readonly n: number;
}

/** Pseudo-random i64s, for programs that need something to work on. */
const RANDOM = `
  (global $seed (mut i64) (i64.const 0))
  (func $random (result i64)
    (global.set $seed (i64.add (i64.mul (global.get $seed) (i64.const 6364136223846793005)) (i64.const 1442695040888963407)))
    (i64.xor (global.get $seed) (i64.shr_u (global.get $seed) (i64.const 29))))`;

const FIB = `(module (memory (export "memory") 1)
  (func $fib (param $n i32) (result i32)
    (if (i32.lt_s (local.get $n) (i32.const 2)) (then (return (local.get $n))))
    (i32.add
      (call $fib (i32.sub (local.get $n) (i32.const 1)))
      (call $fib (i32.sub (local.get $n) (i32.const 2)))))
  (func (export "run") (param $n i32) (result i64) (i64.extend_i32_u (call $fib (local.get $n)))))`;

/** Primes below n, by the sieve of Eratosthenes over bytes. */
const SIEVE = `(module (memory (export "memory") 128)
  (func (export "run") (param $n i32) (result i64) (local $i i32) (local $j i32) (local $count i64)
    (memory.fill (i32.const 0) (i32.const 0) (local.get $n))
    (local.set $i (i32.const 2))
    (loop $numbers
      (if (i32.eqz (i32.load8_u (local.get $i)))
        (then
          (local.set $count (i64.add (local.get $count) (i64.const 1)))
          (local.set $j (i32.shl (local.get $i) (i32.const 1)))
          (block $done
            (loop $multiples
              (br_if $done (i32.ge_u (local.get $j) (local.get $n)))
              (i32.store8 (local.get $j) (i32.const 1))
              (local.set $j (i32.add (local.get $j) (local.get $i)))
              (br $multiples)))))
      (br_if $numbers (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $count)))`;

/** FNV-1a over 64 KiB, byte by byte, n times. */
const HASH = `(module (memory (export "memory") 2)
  (func (export "run") (param $n i32) (result i64) (local $at i32) (local $hash i64)
    (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536))
    (local.set $hash (i64.const 0xcbf29ce484222325))
    (loop $rounds
      (local.set $at (i32.const 0))
      (loop $bytes
        (local.set $hash
          (i64.mul
            (i64.xor (local.get $hash) (i64.load8_u (local.get $at)))
            (i64.const 0x100000001b3)))
        (br_if $bytes (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 65536))))
      (i64.store (i32.and (i32.wrap_i64 (local.get $hash)) (i32.const 0xfff8)) (local.get $hash))
      (br_if $rounds (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $hash)))`;

/** Product of two n x n matrices of f64. */
const MATRIX = `(module (memory (export "memory") 64)
  (func (export "run") (param $n i32) (result i64)
    (local $i i32) (local $j i32) (local $k i32) (local $a i32) (local $b i32) (local $row i32) (local $sum f64) (local $total f64)
    (local.set $row (i32.shl (local.get $n) (i32.const 3)))
    (local.set $i (i32.const 0))
    (loop $fill
      (f64.store (i32.shl (local.get $i) (i32.const 3))
        (f64.div (f64.convert_i32_s (i32.rem_u (local.get $i) (i32.const 17))) (f64.const 7)))
      (br_if $fill (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
        (i32.shl (i32.mul (local.get $n) (local.get $n)) (i32.const 1)))))
    (local.set $i (i32.const 0))
    (loop $rows
      (local.set $j (i32.const 0))
      (loop $columns
        (local.set $a (i32.mul (local.get $i) (local.get $row)))
        (local.set $b (i32.add (i32.mul (local.get $n) (local.get $row)) (i32.shl (local.get $j) (i32.const 3))))
        (local.set $sum (f64.const 0))
        (local.set $k (i32.const 0))
        (loop $products
          (local.set $sum (f64.add (local.get $sum) (f64.mul (f64.load (local.get $a)) (f64.load (local.get $b)))))
          (local.set $a (i32.add (local.get $a) (i32.const 8)))
          (local.set $b (i32.add (local.get $b) (local.get $row)))
          (br_if $products (i32.lt_u (local.tee $k (i32.add (local.get $k) (i32.const 1))) (local.get $n))))
        (f64.store
          (i32.add (i32.shl (i32.mul (i32.mul (local.get $n) (local.get $n)) (i32.const 2)) (i32.const 3))
            (i32.add (i32.mul (local.get $i) (local.get $row)) (i32.shl (local.get $j) (i32.const 3))))
          (local.get $sum))
        (local.set $total (f64.add (local.get $total) (local.get $sum)))
        (br_if $columns (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (local.get $n))))
      (br_if $rows (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (i64.reinterpret_f64 (local.get $total))))`;

/** Quicksort of n i32s, the partition a function of its own. */
const SORT = `(module (memory (export "memory") 64) ${RANDOM}
  (func $get (param $i i32) (result i32) (i32.load (i32.shl (local.get $i) (i32.const 2))))
  (func $put (param $i i32) (param $value i32) (i32.store (i32.shl (local.get $i) (i32.const 2)) (local.get $value)))
  (func $partition (param $low i32) (param $high i32) (result i32) (local $pivot i32) (local $i i32) (local $j i32) (local $x i32)
    (local.set $pivot (call $get (i32.shr_u (i32.add (local.get $low) (local.get $high)) (i32.const 1))))
    (local.set $i (i32.sub (local.get $low) (i32.const 1)))
    (local.set $j (i32.add (local.get $high) (i32.const 1)))
    (loop $swaps
      (loop $up (br_if $up (i32.lt_s (call $get (local.tee $i (i32.add (local.get $i) (i32.const 1)))) (local.get $pivot))))
      (loop $down (br_if $down (i32.gt_s (call $get (local.tee $j (i32.sub (local.get $j) (i32.const 1)))) (local.get $pivot))))
      (if (i32.ge_s (local.get $i) (local.get $j)) (then (return (local.get $j))))
      (local.set $x (call $get (local.get $i)))
      (call $put (local.get $i) (call $get (local.get $j)))
      (call $put (local.get $j) (local.get $x))
      (br $swaps))
    (unreachable))
  (func $sort (param $low i32) (param $high i32) (local $middle i32)
    (if (i32.ge_s (local.get $low) (local.get $high)) (then (return)))
    (local.set $middle (call $partition (local.get $low) (local.get $high)))
    (call $sort (local.get $low) (local.get $middle))
    (call $sort (i32.add (local.get $middle) (i32.const 1)) (local.get $high)))
  (func (export "run") (param $n i32) (result i64) (local $i i32) (local $sum i64)
    (global.set $seed (i64.const 42))
    (loop $fill
      (call $put (local.get $i) (i32.wrap_i64 (call $random)))
      (br_if $fill (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (call $sort (i32.const 0) (i32.sub (local.get $n) (i32.const 1)))
    (local.set $i (i32.const 1))
    (loop $check
      (if (i32.gt_s (call $get (i32.sub (local.get $i) (i32.const 1))) (call $get (local.get $i))) (then (unreachable)))
      (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31)) (i64.extend_i32_s (call $get (local.get $i)))))
      (br_if $check (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $sum)))`;

/** Reads a JSON text n times, a state per kind of byte: depth, strings with escapes, numbers. */
const SCAN = `(module (memory (export "memory") 2)
  (data (i32.const 0) "{\\"id\\":17,\\"name\\":\\"a \\\\\\"quoted\\\\\\" name\\",\\"tags\\":[\\"one\\",\\"two\\",[3,4,-5.25e3]],\\"nested\\":{\\"deep\\":{\\"deeper\\":[true,false,null]}},\\"text\\":\\"the quick brown fox jumps over the lazy dog\\"}")
  (func $string (param $at i32) (result i32) (local $byte i32)
    (loop $characters
      (local.set $byte (i32.load8_u (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (if (i32.eq (local.get $byte) (i32.const 34)) (then (return (local.get $at))))
      (if (i32.eq (local.get $byte) (i32.const 92)) (then (local.set $at (i32.add (local.get $at) (i32.const 1)))))
      (br $characters))
    (unreachable))
  (func $number (param $at i32) (result i32) (local $byte i32)
    (loop $digits
      (local.set $byte (i32.load8_u (local.get $at)))
      (if (i32.or (i32.lt_u (i32.sub (local.get $byte) (i32.const 43)) (i32.const 15)) (i32.eq (i32.or (local.get $byte) (i32.const 32)) (i32.const 101)))
        (then
          (if (i32.eq (local.get $byte) (i32.const 44)) (then (return (local.get $at))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $digits))))
    (local.get $at))
  (func $scan (result i64) (local $at i32) (local $depth i32) (local $sum i64) (local $byte i32)
    (block $end
      (loop $tokens
        (local.set $byte (i32.load8_u (local.get $at)))
        (br_if $end (i32.eqz (local.get $byte)))
        (block $next
          (block $other
            (block $number
              (block $quote
                (block $open
                  (block $close
                    (br_if $open (i32.eq (i32.or (local.get $byte) (i32.const 32)) (i32.const 123)))
                    (br_if $close (i32.eq (i32.or (local.get $byte) (i32.const 32)) (i32.const 125)))
                    (br_table $quote $other $other $other $other $other $other $other $other $other $other $number $other $number $number $number $number $number $number $number $number $number $number $number $other
                      (i32.sub (local.get $byte) (i32.const 34))))
                  (local.set $depth (i32.sub (local.get $depth) (i32.const 1)))
                  (br $other))
                (local.set $depth (i32.add (local.get $depth) (i32.const 1)))
                (br $other))
              (local.set $at (call $string (i32.add (local.get $at) (i32.const 1))))
              (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u (local.get $at))))
              (br $next))
            (local.set $at (call $number (local.get $at)))
            (local.set $sum (i64.xor (local.get $sum) (i64.extend_i32_u (local.get $at))))
            (br $next))
          (local.set $at (i32.add (local.get $at) (i32.const 1))))
        (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u (local.get $depth))))
        (br $tokens)))
    (local.get $sum))
  (func (export "run") (param $n i32) (result i64) (local $sum i64)
    (loop $rounds
      (local.set $sum (i64.add (local.get $sum) (call $scan)))
      (br_if $rounds (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))`;

/** A hash map with open addressing: n insertions, each bounds-checked as a compiler would, then n look-ups. */
const MAP = `(module (memory (export "memory") 64) ${RANDOM}
  (func $slot (param $key i64) (result i32) (local $hash i64) (local $at i32) (local $found i64)
    (local.set $hash (i64.mul (i64.xor (local.get $key) (i64.shr_u (local.get $key) (i64.const 32))) (i64.const 0x9e3779b97f4a7c15)))
    (local.set $at (i32.wrap_i64 (i64.shr_u (local.get $hash) (i64.const 46))))
    (loop $probe
      (if (i32.ge_u (local.get $at) (i32.const 262144)) (then (unreachable)))
      (local.set $found (i64.load (i32.shl (local.get $at) (i32.const 4))))
      (if (i64.eqz (local.get $found)) (then (return (i32.shl (local.get $at) (i32.const 4)))))
      (if (i64.eq (local.get $found) (local.get $key)) (then (return (i32.shl (local.get $at) (i32.const 4)))))
      (local.set $at (i32.and (i32.add (local.get $at) (i32.const 1)) (i32.const 262143)))
      (br $probe))
    (unreachable))
  (func $insert (param $key i64) (param $value i64) (local $at i32)
    (local.set $at (call $slot (local.get $key)))
    (i64.store (local.get $at) (local.get $key))
    (i64.store offset=8 (local.get $at) (i64.add (i64.load offset=8 (local.get $at)) (local.get $value))))
  (func $find (param $key i64) (result i64) (i64.load offset=8 (call $slot (local.get $key))))
  (func (export "run") (param $n i32) (result i64) (local $i i32) (local $sum i64)
    (memory.fill (i32.const 0) (i32.const 0) (i32.const 4194304))
    (global.set $seed (i64.const 7))
    (loop $insertions
      (call $insert (i64.or (call $random) (i64.const 1)) (i64.extend_i32_u (local.get $i)))
      (br_if $insertions (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (global.set $seed (i64.const 7))
    (loop $finds
      (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31)) (call $find (i64.or (call $random) (i64.const 1)))))
      (br_if $finds (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
    (local.get $sum)))`;

/** Copies 64 KiB to and fro n times, in turn by words in a loop, and at once. */
const COPY = `(module (memory (export "memory") 4)
  (func $copy (param $to i32) (param $from i32) (param $bytes i32) (local $end i32)
    (local.set $end (i32.add (local.get $from) (local.get $bytes)))
    (loop $words
      (i64.store (local.get $to) (i64.load (local.get $from)))
      (i64.store offset=8 (local.get $to) (i64.load offset=8 (local.get $from)))
      (local.set $to (i32.add (local.get $to) (i32.const 16)))
      (br_if $words (i32.lt_u (local.tee $from (i32.add (local.get $from) (i32.const 16))) (local.get $end)))))
  (func (export "run") (param $n i32) (result i64)
    (memory.fill (i32.const 0) (i32.const 7) (i32.const 65536))
    (i64.store (i32.const 8) (i64.const 0x0123456789abcdef))
    (loop $rounds
      (call $copy (i32.const 65536) (i32.const 0) (i32.const 65536))
      (memory.copy (i32.const 8) (i32.const 65536) (i32.const 65528))
      (br_if $rounds (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.load (i32.const 4096))))`;

/** The Mandelbrot set, 256 points wide, at most n iterations each. */
const FLOAT = `(module (memory (export "memory") 1)
  (func $escape (param $cx f64) (param $cy f64) (param $most i32) (result i32)
    (local $x f64) (local $y f64) (local $xx f64) (local $yy f64) (local $i i32)
    (block $out
      (loop $iterations
        (local.set $y (f64.add (f64.mul (f64.mul (f64.const 2) (local.get $x)) (local.get $y)) (local.get $cy)))
        (local.set $x (f64.add (f64.sub (local.get $xx) (local.get $yy)) (local.get $cx)))
        (local.set $xx (f64.mul (local.get $x) (local.get $x)))
        (local.set $yy (f64.mul (local.get $y) (local.get $y)))
        (br_if $out (f64.gt (f64.add (local.get $xx) (local.get $yy)) (f64.const 4)))
        (br_if $iterations (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $most)))))
    (local.get $i))
  (func (export "run") (param $n i32) (result i64) (local $row i32) (local $column i32) (local $sum i64)
    (loop $rows
      (local.set $column (i32.const 0))
      (loop $columns
        (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 3)) (i64.extend_i32_u (call $escape
          (f64.sub (f64.div (f64.convert_i32_s (local.get $column)) (f64.const 96)) (f64.const 2))
          (f64.sub (f64.div (f64.convert_i32_s (local.get $row)) (f64.const 96)) (f64.const 1.25))
          (local.get $n)))))
        (br_if $columns (i32.lt_u (local.tee $column (i32.add (local.get $column) (i32.const 1))) (i32.const 256))))
      (br_if $rows (i32.lt_u (local.tee $row (i32.add (local.get $row) (i32.const 1))) (i32.const 240))))
    (local.get $sum)))`;

/** An interpreter whose operations are functions in a table: n rounds of its little program. */
const INDIRECT = `(module (memory (export "memory") 1) (table 8 funcref)
  (elem (i32.const 0) $add $mul $xor $rot $sub $shr $or $not)
  (type $operation (func (param i64 i64) (result i64)))
  (data (i32.const 0) "\\00\\01\\02\\03\\04\\05\\02\\07\\03\\00\\06\\01\\04\\02\\03\\00\\01\\05\\02\\03\\00\\07\\01\\02\\04\\03\\00\\06\\02\\01\\03\\05")
  (func $add (type $operation) (i64.add (local.get 0) (local.get 1)))
  (func $mul (type $operation) (i64.mul (local.get 0) (i64.or (local.get 1) (i64.const 1))))
  (func $xor (type $operation) (i64.xor (local.get 0) (local.get 1)))
  (func $rot (type $operation) (i64.rotl (local.get 0) (local.get 1)))
  (func $sub (type $operation) (i64.sub (local.get 0) (local.get 1)))
  (func $shr (type $operation) (i64.xor (local.get 0) (i64.shr_u (local.get 1) (i64.const 7))))
  (func $or (type $operation) (i64.or (local.get 0) (i64.shl (local.get 1) (i64.const 1))))
  (func $not (type $operation) (i64.xor (i64.xor (local.get 0) (i64.const -1)) (local.get 1)))
  (func (export "run") (param $n i32) (result i64) (local $at i32) (local $a i64) (local $b i64)
    (local.set $b (i64.const 0x9e3779b97f4a7c15))
    (loop $rounds
      (local.set $at (i32.const 0))
      (loop $operations
        (local.set $a (call_indirect (type $operation) (local.get $a) (local.get $b) (i32.load8_u (local.get $at))))
        (local.set $b (i64.add (local.get $b) (i64.const 0x632be59bd9b4e019)))
        (br_if $operations (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 32))))
      (br_if $rounds (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $a)))`;

export const KERNELS: readonly Kernel[] = [
  { name: "fib recursion", text: FIB, n: 32 },
  { name: "sieve", text: SIEVE, n: 6_000_000 },
  { name: "hash", text: HASH, n: 400 },
  { name: "matrix multiply", text: MATRIX, n: 256 },
  { name: "sort", text: SORT, n: 500_000 },
  { name: "JSON scan", text: SCAN, n: 60_000 },
  { name: "map insert", text: MAP, n: 150_000 },
  { name: "memory copy", text: COPY, n: 3000 },
  { name: "float loop", text: FLOAT, n: 400 },
  { name: "indirect calls", text: INDIRECT, n: 300_000 },
];
