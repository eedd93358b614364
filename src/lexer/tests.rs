use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::engine::Language;
use super::languages::ALL;
use super::pattern::STEPS;

/// Compares the tokens, written as `‹class text›` unless they are plain. Neighbors of one class are
/// one token.
#[track_caller]
fn check(name: &str, code: &str, expected: &Expect) {
    let mut tokens: Vec<(&str, String)> = Vec::new();
    language(name).read(code, &mut |class, text| match tokens.last_mut() {
        Some((last, before)) if *last == class => before.push_str(text),
        _ => tokens.push((class, text.to_owned())),
    });
    let written = tokens.iter().map(|(class, text)| match class {
        &"" => text.clone(),
        class => format!("‹{class} {text}›"),
    });
    expected.assert_eq(&written.collect::<String>());
}

fn language(name: &str) -> &'static Language {
    super::language(name).expect("it has a table")
}

fn steps(language: &'static Language, code: &str) -> usize {
    let before = STEPS.get();
    language.read(code, &mut |_, _| {});
    STEPS.get() - before
}

#[test]
fn python() {
    check(
        "python",
        r#"@wraps(f)
def area(self, r: float = 1.5e-3) -> int:
    """Doc \n"""
    if r is None and not x:  # no
        return f"{r:.2f} {{}}" + rb'\n' + u"é"
    raise ValueError(0x1F, 0b1, 0o7, 1_000, .5)

class A(B): pass
import numpy as np
from a.b import c
"#,
        &expect![[r#"
            ‹nd @wraps›‹p (›‹n f›‹p )›
            ‹k def› ‹nf area›‹p (›‹bp self›‹p ,› ‹n r›‹p :› ‹nb float› ‹o =› ‹mf 1.5e-3›‹p )› ‹o ->› ‹nb int›‹p :›
                ‹s """Doc ›‹se \n›‹s """›
                ‹k if› ‹n r› ‹ow is› ‹bp None› ‹ow and› ‹ow not› ‹n x›‹p :›  ‹c1 # no
            ›        ‹k return› ‹sa f›‹s "›‹si {›‹n r›‹si :›‹s .2f›‹si }›‹s  {{}}"› ‹o +› ‹sa rb›‹s '\n'› ‹o +› ‹sa u›‹s "é"›
                ‹k raise› ‹nb ValueError›‹p (›‹mh 0x1F›‹p ,› ‹mb 0b1›‹p ,› ‹mo 0o7›‹p ,› ‹mi 1_000›‹p ,› ‹mf .5›‹p )›

            ‹k class› ‹nc A›‹p (›‹n B›‹p ):› ‹k pass›
            ‹kn import› ‹nn numpy› ‹k as› ‹n np›
            ‹kn from› ‹nn a.b› ‹kn import› ‹n c›
        "#]],
    );
}

#[test]
fn rust() {
    check(
        "rust",
        r##"#[derive(Debug)]
/// Doc.
pub fn area<'a>(r: &'a f64) -> Option<String> { // no
    let x: u8 = 'a' as u8 + 0xFFu8 + 1_000; /* a /* b */ c */
    println!("{}\n", r#"raw "text""#);
    std::mem::swap(&mut a.b, c.d()?);
    match x { 1..=2 => true, _ => self.0 }
}
"##,
        &expect![[r##"
            ‹nd #[derive(Debug)]›
            ‹cd /// Doc.›
            ‹k pub› ‹k fn› ‹n area›‹o <›‹nv 'a›‹o >›‹p (›‹n r›‹p :› ‹o &›‹nv 'a› ‹nb f64›‹p )› ‹k ->› ‹nb Option›‹o <›‹nb String›‹o >› ‹p {› ‹c1 // no›
                ‹k let› ‹n x›‹p :› ‹nb u8› ‹o =› ‹sc 'a'› ‹k as› ‹nb u8› ‹o +› ‹mh 0xFFu8› ‹o +› ‹mi 1_000›‹p ;› ‹cm /* a /* b */ c */›
                ‹nd println!›‹p (›‹s "{}›‹se \n›‹s "›‹p ,› ‹s r#"raw "text""#›‹p );›
                ‹nn std›‹p ::›‹nn mem›‹p ::›‹nf swap›‹p (›‹o &›‹k mut› ‹n a›‹py .b›‹p ,› ‹n c›‹nf .d›‹p ()›‹o ?›‹p );›
                ‹k match› ‹n x› ‹p {› ‹mi 1›‹o ..=›‹mi 2› ‹k =>› ‹k true›‹p ,› ‹n _› ‹k =>› ‹k self›‹na .0› ‹p }›
            ‹p }›
        "##]],
    );
}

#[test]
fn c() {
    check(
        "c",
        r#"#include <stdio.h>
#define MAX(a, b) \
    ((a) > (b))
static int main(int argc, char **argv)
{
again:
    /* no */ uint8_t x = 0x1F + 017 + 1.5f; // no
    printf("%d\n", x->y['\n']);
    return NULL;
}
"#,
        &expect![[r#"
            ‹cp #include› ‹cpf <stdio.h>›
            ‹cp #define MAX(a, b) \
                ((a) > (b))›
            ‹k static› ‹kt int› ‹nf main›‹p (›‹kt int› ‹n argc›‹p ,› ‹kt char› ‹o **›‹n argv›‹p )›
            ‹p {›
            ‹nl again:›
                ‹cm /* no */› ‹kt uint8_t› ‹n x› ‹o =› ‹mh 0x1F› ‹o +› ‹mo 017› ‹o +› ‹mf 1.5f›‹p ;› ‹c1 // no›
                ‹n printf›‹p (›‹s "%d›‹se \n›‹s "›‹p ,› ‹n x›‹o ->›‹n y›‹p [›‹sc '\n'›‹p ]);›
                ‹k return› ‹nb NULL›‹p ;›
            ‹p }›
        "#]],
    );
}

#[test]
fn cpp() {
    check(
        "cpp",
        r#"template <typename T> class A : public B {
    virtual ~A() noexcept = default;
    auto x = R"x(raw )" )x" + 1'000;
    std::vector<int> v{nullptr};
};
"#,
        &expect![[r#"
            ‹k template› ‹o <›‹k typename› ‹n T›‹o >› ‹k class› ‹nc A› ‹o :› ‹k public› ‹n B› ‹p {›
                ‹k virtual› ‹o ~›‹n A›‹p ()› ‹k noexcept› ‹o =› ‹k default›‹p ;›
                ‹k auto› ‹n x› ‹o =› ‹s R"x(raw )" )x"› ‹o +› ‹mi 1'000›‹p ;›
                ‹n std›‹o ::›‹n vector›‹o <›‹kt int›‹o >› ‹n v›‹p {›‹nb nullptr›‹p };›
            ‹p };›
        "#]],
    );
}

#[test]
fn csharp() {
    check(
        "csharp",
        r#"using System.Text;
#if DEBUG
namespace A { public class B : C {
    [Test] async void Go(string s = @"a ""b""") {
        var x = $"{s.Length} {{}}" + 'c' + 1.5m; // no
        Console.WriteLine(null);
    } } }
"#,
        &expect![[r#"
            ‹k using› ‹nn System.Text›‹p ;›
            ‹cp #if DEBUG›
            ‹k namespace› ‹nn A› ‹p {› ‹k public› ‹k class› ‹nc B› ‹p :› ‹n C› ‹p {›
                ‹p [›‹n Test›‹p ]› ‹k async› ‹k void› ‹nf Go›‹p (›‹kt string› ‹n s› ‹p =› ‹s @"a ›‹se ""›‹s b›‹se ""›‹s "›‹p )› ‹p {›
                    ‹kt var› ‹n x› ‹p =› ‹s $"›‹si {›‹n s›‹p .›‹n Length›‹si }›‹s  {{}}"› ‹p +› ‹sc 'c'› ‹p +› ‹m 1.5m›‹p ;› ‹c1 // no›
                    ‹n Console›‹p .›‹nf WriteLine›‹p (›‹k null›‹p );›
                ‹p }› ‹p }› ‹p }›
        "#]],
    );
}

#[test]
fn java() {
    check(
        "java",
        r#"package a.b;
import java.util.List;
@Test public class A<T> extends B {
    static final int MAX = 0x1F;
    /** Doc. */
    List<String> run(int x) throws E {
        return new A(x).name("a\n", 'c', 1.5f, 2L, null); // no
    }
}
"#,
        &expect![[r#"
            ‹kn package› ‹nn a.b›‹o ;›
            ‹kn import› ‹nn java.util.List›‹o ;›
            ‹nd @Test› ‹kd public› ‹kd class› ‹nc A›‹o <›‹no T›‹o >› ‹kd extends› ‹no B› ‹o {›
                ‹kd static› ‹kd final› ‹kt int› ‹no MAX› ‹o =› ‹mh 0x1F›‹o ;›
                ‹cm /** Doc. */›
                ‹nc List›‹o <›‹nc String›‹o >› ‹nf run›‹o (›‹kt int› ‹n x›‹o )› ‹kd throws› ‹no E› ‹o {›
                    ‹k return› ‹k new› ‹no A›‹o (›‹n x›‹o ).›‹na name›‹o (›‹s "a›‹se \n›‹s "›‹o ,› ‹sc 'c'›‹o ,› ‹mf 1.5f›‹o ,› ‹mi 2L›‹o ,› ‹kc null›‹o );› ‹c1 // no›
                ‹o }›
            ‹o }›
        "#]],
    );
}

#[test]
fn go() {
    check(
        "go",
        r#"package main

import "fmt"

// Doc.
func (p *Point) Add(x int, s ...string) error {
	m := map[string]int{"a\n": 0x1F, `raw`: 'c'}
	ch <- len(m) + 1.5
	return nil
}
"#,
        &expect![[r#"
            ‹k package› ‹n main›

            ‹k import› ‹s "fmt"›

            ‹c // Doc.›
            ‹k func› ‹p (›‹n p› ‹o *›‹n Point›‹p )› ‹n Add›‹p (›‹n x› ‹kt int›‹p ,› ‹n s› ‹o ...›‹kt string›‹p )› ‹kt error› ‹p {›
            	‹n m› ‹o :=› ‹k map›‹p [›‹kt string›‹p ]›‹kt int›‹p {›‹s "a›‹se \n›‹s "›‹o :› ‹m 0x1F›‹p ,› ‹s `raw`›‹o :› ‹s 'c'›‹p }›
            	‹n ch› ‹o <-› ‹nb len›‹p (›‹n m›‹p )› ‹o +› ‹m 1.5›
            	‹k return› ‹no nil›
            ‹p }›
        "#]],
    );
}

#[test]
fn javascript() {
    check(
        "javascript",
        r#"import { a } from 'b';
const f = async (x) => { return /a[/]\d/g.test(x) / 2; }; // no
class A extends B { constructor() { this.x = { key: `t ${x + {}} \n`, n: null }; } }
let y = 0xFF + 1.5 + Math.max(a ? "b" : c); /* no */
"#,
        &expect![[r#"
            ‹k import› ‹p {› ‹nx a› ‹p }› ‹k from› ‹s1 'b'›‹p ;›
            ‹kd const› ‹nx f› ‹o =› ‹k async› ‹p (›‹nx x›‹p )› ‹o =>› ‹p {› ‹k return› ‹sr /a[/]›‹se \d›‹sr /g›‹p .›‹nx test›‹p (›‹nx x›‹p )› ‹o /› ‹mi 2›‹p ;› ‹p };› ‹c1 // no›
            ‹kd class› ‹nx A› ‹kd extends› ‹nx B› ‹p {› ‹kd constructor›‹p ()› ‹p {› ‹k this›‹p .›‹nx x› ‹o =› ‹p { ›‹na key›‹p :› ‹s2 `t ›‹p ${›‹nx x› ‹o +› ‹p {}}›‹s2  ›‹se \n›‹s2 `›‹p , ›‹na n›‹p :› ‹kc null› ‹p };› ‹p }› ‹p }›
            ‹kd let› ‹nx y› ‹o =› ‹mh 0xFF› ‹o +› ‹mf 1.5› ‹o +› ‹nb Math›‹p .›‹nx max›‹p (›‹nx a› ‹o ?› ‹s2 "b"› ‹p :› ‹nx c›‹p );› ‹cm /* no */›
        "#]],
    );
}

#[test]
fn typescript() {
    check(
        "typescript",
        r#"interface A { readonly x: number; y?: string }
enum B { C = 1 }
export function f<T>(x: T[], y: any): x is B { return x as unknown; }
"#,
        &expect![[r#"
            ‹kr interface› ‹nx A› ‹p {› ‹k readonly› ‹nx x›‹p :› ‹kr number›‹p ;› ‹nx y›‹o ?›‹p :› ‹kr string› ‹p }›
            ‹kr enum› ‹nx B› ‹p {› ‹nx C› ‹o =› ‹mi 1› ‹p }›
            ‹k export› ‹kd function› ‹nx f›‹o <›‹nx T›‹o >›‹p (›‹nx x›‹p :› ‹nx T›‹p [], ›‹na y›‹p :› ‹kr any›‹p ):› ‹nx x› ‹k is› ‹nx B› ‹p {› ‹k return› ‹nx x› ‹k as› ‹kr unknown›‹p ;› ‹p }›
        "#]],
    );
}

#[test]
fn scala() {
    check(
        "scala",
        r#"package a.b
import scala.util._
@main case class A[T](x: Int) extends B with C {
  def f(x: List[String]): Unit = x match { case Some(y) => println(s"$x ${y.z}") }
  val n = 1.5 + 'c' + 2L // no
}
"#,
        &expect![[r#"
            ‹k package› ‹nn a.b›
            ‹k import› ‹nn scala.util._›
            ‹nd @main› ‹k case› ‹k class› ‹nc A›‹o [›‹kt T›‹o ](›‹n x›‹k :› ‹kt Int›‹o )› ‹k extends› ‹nc B› ‹k with› ‹nc C› ‹o {›
              ‹k def› ‹nf f›‹o (›‹n x›‹k :› ‹kt List›‹o [›‹kt String›‹o ])›‹k :› ‹kt Unit› ‹k =› ‹n x› ‹k match› ‹o {› ‹k case› ‹nc Some›‹o (›‹n y›‹o )› ‹k =>› ‹nf println›‹o (›‹n s›‹s "$x ${y.z}"›‹o )› ‹o }›
              ‹k val› ‹nv n› ‹k =› ‹mf 1.5› ‹o +› ‹sc 'c'› ‹o +› ‹mi 2L› ‹c1 // no›
            ‹o }›
        "#]],
    );
}

#[test]
fn r() {
    check(
        "r",
        r#"library(dplyr) # no
x <- c(1, 2.5, TRUE, NA) %>% mean(na.rm = T)
f <- function(a) if (a$b > 1e3) "s\n" else 'q'
"#,
        &expect![[r#"
            ‹n library›‹p (›‹n dplyr›‹p )›‹w  ›‹c1 # no›‹w 
            ›‹n x›‹w  ›‹o <-›‹w  ›‹nf c›‹p (›‹m 1›‹p ,›‹w  ›‹m 2.5›‹p ,›‹w  ›‹kc TRUE›‹p ,›‹w  ›‹kc NA›‹p )›‹w  ›‹o %>%›‹w  ›‹n mean›‹p (›‹n na.rm›‹w  ›‹o =›‹w  ›‹nb T›‹p )›‹w 
            ›‹n f›‹w  ›‹o <-›‹w  ›‹k function›‹p (›‹n a›‹p )›‹w  ›‹k if›‹w  ›‹p (›‹n a›‹o $›‹n b›‹w  ›‹o >›‹w  ›‹m 1e3›‹p )›‹w  ›‹s2 "s\n"›‹w  ›‹k else›‹w  ›‹s1 'q'›‹w 
            ›"#]],
    );
}

#[test]
fn julia() {
    check(
        "julia",
        r#"function f(x::Int)::Float64 # no
    @assert x > 1 "text $(x) \n"
    const y = [1.5, 0x1f, 'c', nothing, `cmd`]
    #= a #= b =# c =#
end
struct A <: B end
"#,
        &expect![[r#"
            ‹k function› ‹nf f›‹x (›‹n x›‹o ::›‹kt Int›‹x )›‹o ::›‹kt Float64› ‹c # no›
                ‹nd @assert› ‹n x› ‹o >› ‹mi 1› ‹s "text ›‹si $(x)›‹s  ›‹se \n›‹s "›
                ‹kd const› ‹n y› ‹o =› ‹x [›‹mf 1.5›‹x ,› ‹mh 0x1f›‹x ,› ‹sc 'c'›‹x ,› ‹nb nothing›‹x ,› ‹sb `cmd`›‹x ]›
                ‹c #= a #= b =# c =#›
            ‹k end›
            ‹k struct› ‹nc A› ‹o <:› ‹n B› ‹k end›
        "#]],
    );
}

#[test]
fn sql() {
    check(
        "sql",
        r#"-- no
SELECT count(*), "a", 'it''s' FROM t AS x /* no */
WHERE x.id >= 1.5 AND y IS NOT NULL;
create table t (id integer, name VARCHAR(10));
"#,
        &expect![[r#"
            ‹c1 -- no›
            ‹k SELECT› ‹k count›‹p (›‹o *›‹p ),› ‹nv "a"›‹p ,› ‹s1 'it›‹se ''›‹s1 s'› ‹k FROM› ‹n t› ‹k AS› ‹n x› ‹cm /* no */›
            ‹k WHERE› ‹n x›‹p .›‹n id› ‹o >=› ‹mf 1.5› ‹k AND› ‹n y› ‹k IS› ‹k NOT› ‹k NULL›‹p ;›
            ‹k create› ‹k table› ‹n t› ‹p (›‹n id› ‹nb integer›‹p ,› ‹k name› ‹nb VARCHAR›‹p (›‹mi 10›‹p ));›
        "#]],
    );
}

#[test]
fn ruby() {
    check(
        "ruby",
        r#"require 'json' # no
class A < B::C
  attr_reader :name, key: 1
  def self.go?(x)
    @x = "a #{x + { y: 1 }} \n" if x =~ /a\d/i && !nil
    puts <<~EOS, %w(a b)
      text #{x}
    EOS
    x.map { |y| y / 2 }
  end
end
"#,
        &expect![[r#"
            ‹nb require› ‹s1 'json'› ‹c1 # no›
            ‹k class› ‹nc A› ‹o <› ‹no B›‹o ::›‹no C›
              ‹nb attr_reader› ‹ss :name›‹p ,› ‹ss key:› ‹mi 1›
              ‹k def› ‹nc self›‹o .›‹nf go?›‹p (›‹n x›‹p )›
                ‹vi @x› ‹o =› ‹s2 "a ›‹si #{›‹n x› ‹o +› ‹p {› ‹ss y:› ‹mi 1› ‹p }›‹si }›‹s2  ›‹se \n›‹s2 "› ‹k if› ‹n x› ‹o =~› ‹sr /a›‹se \d›‹sr /i› ‹o &&› ‹o !›‹kp nil›
                ‹nb puts› ‹o <<~›‹no EOS›‹p ,› ‹sx %w(a b)›
            ‹sh       text ›‹si #{›‹n x›‹si }›‹sh 
            ›    ‹no EOS›
                ‹n x›‹p .›‹nf map› ‹p {› ‹o |›‹n y›‹o |› ‹n y› ‹o /› ‹mi 2› ‹p }›
              ‹k end›
            ‹k end›
        "#]],
    );
}

#[test]
fn shell() {
    check(
        "shell",
        r#"#!/bin/sh
# no
x="a ${x:-b} $(ls -l | wc) \n" y='q'
if [ "$x" = 1 ]; then echo $x $((1 + 2)) && cd ..; fi
for f in *.txt; do cat --number `which x`; done
cat <<EOF
text $x
EOF
"#,
        &expect![[r#"
            ‹c #!/bin/sh›
            ‹c # no›
            ‹nv x›‹o =›‹s2 "a ›‹k ${›‹nv x›‹k :-›‹p b›‹k }›‹s2  ›‹si $(›‹nb ls› ‹nt -l› | ‹nb wc›‹si )›‹s2  ›‹se \n›‹s2 "› ‹nv y›‹o =›‹s1 'q'›
            ‹k if› ‹o [› ‹s2 "›‹nv $x›‹s2 "› ‹o =› 1 ‹o ]›‹p ;› ‹k then› ‹nb echo› ‹nv $x› ‹k $((›1 ‹o +› 2‹k ))› ‹o &&› ‹nb cd› ..‹p ;› ‹k fi›
            ‹k for› f ‹k in› ‹k *›.txt‹p ;› ‹k do› ‹nb cat› ‹nt --number› ‹sb `›which x‹sb `›‹p ;› ‹k done›
            ‹nb cat› ‹o <<›‹no EOF›‹sh 
            text ›‹nv $x›‹sh 
            ›‹no EOF›
        "#]],
    );
}

#[test]
fn console() {
    check(
        "console",
        r#"$ ls -l "a" # no
total 0
root@host:~# cd /
> echo a
"#,
        &expect![[r#"
            ‹gp $› ‹nb ls› ‹nt -l› ‹s2 "a"› ‹c # no›
            ‹go total 0
            ›‹gp root@host:~#› ‹nb cd› /
            ‹gp >› ‹nb echo› a
        "#]],
    );
}

#[test]
fn json() {
    check(
        "json",
        r#"{"a": "b\n", "c": [1, -2.5e3, true, null], // no
 "d": {}}
"#,
        &expect![[r#"
            ‹p {›‹nl "a"›‹p :›‹w  ›‹s2 "b›‹se \n›‹s2 "›‹p ,›‹w  ›‹nl "c"›‹p :›‹w  ›‹p [›‹mi 1›‹p ,›‹w  ›‹mf -2.5e3›‹p ,›‹w  ›‹kc true›‹p ,›‹w  ›‹kc null›‹p ],›‹w  ›‹c1 // no›‹w 
             ›‹nl "d"›‹p :›‹w  ›‹p {}}›‹w 
            ›"#]],
    );
}

#[test]
fn toml() {
    check(
        "toml",
        r#"# no
[a.b]
key = "s\n" # no
"quoted" = ['raw', 1, 2.5, true, 0xff]
date = 2024-01-02T03:04:05Z
table = { x = 1, y = """a
b""" }
"#,
        &expect![[r#"
            ‹c # no›
            ‹nn [a.b]›
            ‹py key› ‹p =› ‹s "s›‹se \n›‹s "› ‹c # no›
            ‹py "quoted"› ‹p =› ‹p [›‹s 'raw'›‹p ,› ‹mi 1›‹p ,› ‹mf 2.5›‹p ,› ‹kc true›‹p ,› ‹mh 0xff›‹p ]›
            ‹py date› ‹p =› ‹ld 2024-01-02T03:04:05Z›
            ‹py table› ‹p =› ‹p {› ‹py x› ‹p =› ‹mi 1›‹p ,› ‹py y› ‹p =› ‹s """a›
            ‹s b"""› ‹p }›
        "#]],
    );
}

#[test]
fn yaml() {
    check(
        "yaml",
        r#"%YAML 1.2
---
# no
key: plain text # no
list:
  - a: &x "q\n"
    b: 'it''s'
  - [1, b, {c: d}]
script: |
  echo a
    b: c

n: 12
t: true
long: a
  b
url: http://a.b
"#,
        &expect![[r#"
            ‹nd %YAML 1.2›
            ‹nn ---›
            ‹c1 # no›
            ‹na key›‹pi :› ‹s plain text› ‹c1 # no›
            ‹na list›‹pi :›
            ‹pi   - ›‹na a›‹pi :› ‹nv &x› ‹s2 "q›‹se \n›‹s2 "›
            ‹pi     ›‹na b›‹pi :› ‹s1 'it›‹se ''›‹s1 s'›
            ‹pi   - [›‹nv 1›‹pi ,› ‹nv b›‹pi ,› ‹pi {›‹nv c›‹pi :› ‹nv d›‹pi }]›
            ‹na script›‹pi :› ‹pi |›
             ‹s  echo a›
             ‹s    b: c›

            ‹na n›‹pi :› ‹m 12›
            ‹na t›‹pi :› ‹no true›
            ‹na long›‹pi :› ‹s a›
              ‹s b›
            ‹na url›‹pi :› ‹s http://a.b›
        "#]],
    );
}

#[test]
fn html() {
    check(
        "html",
        r#"<!DOCTYPE html>
<!-- no -->
<p class="a" hidden>Text &amp; more</p>
<script src=x>let a = 1 < 2;</script>
<style>a { color: red }</style>
<br/>
"#,
        &expect![[r#"
            ‹cp <!DOCTYPE html>›
            ‹c <!-- no -->›
            ‹nt <p› ‹na class=›‹s "a"› ‹na hidden›‹nt >›Text ‹ni &amp;› more‹nt </p>›
            ‹nt <script› ‹na src=›‹s x›‹nt >›‹kd let› ‹nx a› ‹o =› ‹mi 1› ‹o <› ‹mi 2›‹p ;›‹nt </script>›
            ‹nt <style>a› ‹p {› ‹nl color›‹p :› ‹no red› ‹p }›‹nt </style>›
            ‹nt <br/>›
        "#]],
    );
}

#[test]
fn xml() {
    check(
        "xml",
        r#"<?xml version="1.0"?>
<!-- no -->
<a:b c="d"><![CDATA[x < y]]> &lt; </a:b>
"#,
        &expect![[r#"
            ‹cp <?xml version="1.0"?>›
            ‹c <!-- no -->›
            ‹nt <a:b› ‹na c=›‹s "d"›‹nt >›‹cp <![CDATA[x < y]]>› ‹ni &lt;› ‹nt </a:b>›
        "#]],
    );
}

#[test]
fn css() {
    check(
        "css",
        r#"@media (min-width: 10px) { /* no */
  a.b#c:hover > p::before, [x="y"] { color: #fff; margin: 0 auto 1.5em; --x: y; content: "a" }
}
p { background: url(a.png) no-repeat !important; }
"#,
        &expect![[r#"
            ‹k @media› ‹p (›‹n min-width›‹p :› ‹m 10px›‹p )› ‹p {› ‹c /* no */›
              ‹nt a›‹nc .b›‹nf #c›‹nd :hover› ‹o >› ‹nt p›‹nd ::before›‹o ,› ‹o [›‹nt x›‹o =›‹s1 "y"›‹o ]› ‹p {› ‹nl color›‹p :› ‹m #fff›‹p ;› ‹nl margin›‹p :› ‹m 0› ‹nb auto› ‹m 1.5em›‹p ;› ‹py --x›‹p :› ‹n y›‹p ;› ‹nl content›‹p :› ‹s1 "a"› ‹p }›
            ‹p }›
            ‹nt p› ‹p {› ‹nl background›‹p :› ‹sx url(a.png)› ‹nb no-repeat› ‹cp !important›‹p ;› ‹p }›
        "#]],
    );
}

#[test]
fn diff() {
    check(
        "diff",
        r#"diff --git a/x b/x
--- a/x
+++ b/x
@@ -1,2 +1,2 @@ f
 a
-b
+c
"#,
        &expect![[r#"
            ‹gh diff --git a/x b/x
            ›‹gd --- a/x
            ›‹gi +++ b/x
            ›@@ -1,2 +1,2 @@ f
             a
            ‹gd -b
            ›‹gi +c
            ›"#]],
    );
}

#[test]
fn dockerfile() {
    check(
        "dockerfile",
        r#"FROM debian:12 AS base
# no
ENV A=b \
    C=d
RUN apt-get update && \
    rm -rf "$A"
CMD ["x"]
"#,
        &expect![[r#"
            ‹k FROM› ‹s debian:12› ‹k AS› ‹s base›
            ‹c # no›
            ‹k ENV› ‹s A=b ›‹se \
            ›‹s     C=d›
            ‹k RUN› apt-get update ‹o &&› ‹se \
            ›    ‹nb rm› ‹nt -rf› ‹s2 "›‹nv $A›‹s2 "›
            ‹k CMD› ‹o [›‹s2 "x"›‹o ]›
        "#]],
    );
}

#[test]
fn latex() {
    check(
        "latex",
        r#"\documentclass[a4paper]{article} % no
\begin{document}
Text $x^2 + \alpha$ \emph{b} \[ y \]
\end{document}
"#,
        &expect![[r#"
            ‹k \documentclass›‹na [a4paper]›‹p {›article‹p }› ‹c % no›
            ‹nt \begin{document}›
            Text ‹p $›‹nb x›‹o ^›‹m 2› ‹o +› ‹nv \alpha›‹p $› ‹k \emph›‹p {›b‹p }› ‹p \[› ‹nb y› ‹p \]›
            ‹nt \end{document}›
        "#]],
    );
}

#[test]
fn assembly() {
    check(
        "nasm",
        r#"%define X 1
section .text
global main
main:   ; no
.loop:  mov eax, dword [rbp+0x1F]
        call puts
msg     db "text", 10
"#,
        &expect![[r#"
            ‹cp %define X 1›
            ‹k section› ‹nv .text›
            ‹k global› ‹nv main›
            ‹nl main:›   ‹c1 ; no›
            ‹nl .loop:›  ‹nf mov› ‹nb eax›‹p ,› ‹kt dword› ‹p [›‹nb rbp›‹o +›‹mh 0x1F›‹p ]›
                    ‹nf call› ‹nv puts›
            ‹nf msg›     ‹kd db› ‹s "text"›‹p ,› ‹mi 10›
        "#]],
    );
}

/// What Rouge can write, and `ld` for dates.
const CLASSES: &str = "bp c c1 cd cm cp cpf err gd ge gh gi go gp gs gu il k kc kd kn kp kr kt kv \
    ld m mb mf mh mi mo n na nb nc nd ne nf ni nl nn no nt nv nx o ow p pi py s s1 s2 sa sb sc sd \
    se sh si sr ss sx vc vg vi w x";

#[test]
fn tables_are_consistent_and_name_classes_of_rouge() {
    let mut names: Vec<&str> = Vec::new();
    for language in ALL {
        names.extend(language.names);
        language.read("", &mut |_, _| {});
        for class in language.classes() {
            let is_known = class.is_empty() || CLASSES.split(' ').any(|known| known == class);
            assert!(is_known, "{}: `{class}`", language.names[0]);
        }
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "no name has two languages");
}

#[test]
fn names_are_lowercase() {
    for name in ALL.iter().flat_map(|language| language.names) {
        assert_eq!(*name, name.to_lowercase());
    }
}

fn any_language() -> impl Strategy<Value = &'static str> {
    prop::sample::select(ALL.iter().map(|language| language.names[0]).collect::<Vec<_>>())
}

/// Text in which what starts and ends tokens is frequent.
fn any_code() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ \\n\\ta-c0-9\"'`#/*<>&(){}\\[\\]=.,:;$%|!?@\\\\+~^_-]{1,6}",
        prop::sample::select(vec![
            "\"\"\"",
            "'''",
            "/*",
            "*/",
            "//",
            "<!--",
            "-->",
            "${",
            "$(",
            "<<EOF\n",
            "EOF\n",
            "r#\"",
            "f\"{",
            "def ",
            "class ",
            "import ",
            "  - a: |\n",
            "key: ",
            "<script>",
            "</script>",
            "#{",
            "%w(",
            "=begin\n",
            "\\begin{a}",
            "RUN ",
            "é",
            "→",
            "\u{1F980}",
            "\u{0}",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn tokens_are_the_text_in_order(name in any_language(), code in any_code()) {
        let mut text = String::new();
        language(name).read(&code, &mut |_, token| {
            assert!(!token.is_empty());
            text.push_str(token);
        });
        prop_assert_eq!(text, code);
    }

    #[test]
    fn twice_the_text_takes_twice_the_steps(name in any_language(), code in any_code()) {
        let code = code.repeat(1 + 2_000 / (1 + code.len()));
        let language = language(name);
        let (once, twice) = (steps(language, &code), steps(language, &code.repeat(2)));
        prop_assert!(twice < once * 5 / 2 + 1_000, "{once} and {twice}");
    }
}

#[test]
fn long_tokens_take_time_in_proportion() {
    for language in ALL {
        for piece in [
            "a", "1", "\"", "(", "<", "a.", "-", "# ", "/", "\\", " ", "\n", "{", "é", "a b", "$(",
            "[\"", "'a",
        ] {
            let (once, twice) =
                (steps(language, &piece.repeat(4_000)), steps(language, &piece.repeat(8_000)));
            assert!(
                twice <= once * 5 / 2,
                "{}: `{piece}` takes {once} and {twice}",
                language.names[0]
            );
        }
    }
}
