export const css = `
:root{--paper:#f7f7f8;--card:#fff;--ink:#1b1c1f;--soft:#5b5e66;--line:#d9dbe0;--edge:#868a93;--tint:#f1f2f4;--focus:#1d4ed8;--plan:#e3edff;--on-plan:#1e3a8a}
@media (prefers-color-scheme:dark){:root{--paper:#131418;--card:#1d1f24;--ink:#f2f3f5;--soft:#b0b4bd;--line:#383b43;--edge:#7d828d;--tint:#282b32;--focus:#93b8ff;--plan:#24365c;--on-plan:#d5e3ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;overflow-wrap:anywhere}
header{display:flex;flex-wrap:wrap;gap:.125rem .75rem;align-items:center;justify-content:center;padding:.75rem 1rem;background:var(--card);border-bottom:1px solid var(--line);font-size:.875rem;color:var(--soft)}
header a{display:flex;gap:.5rem;align-items:center;font-weight:600;color:var(--ink);text-decoration:none}
header a:hover{text-decoration:underline}
main{width:min(30rem,100% - 2rem);margin:clamp(1rem,6vh,4rem) auto;padding:clamp(1rem,5vw,2rem);background:var(--card);border:1px solid var(--line);border-radius:.75rem}
h1{margin:0;font-size:1.5rem;line-height:1.25;text-wrap:balance}
h2{margin:1.75rem 0 .5rem;font-size:1rem}
p{margin:.5rem 0 1.25rem}
p:has(+.row){margin-bottom:0}
.aside p{margin:.75rem 0 0}
p,small,code{color:var(--soft)}
p b,p code{color:var(--ink)}
small{font-size:.875rem}
code{font:.8125rem ui-monospace,SFMono-Regular,Menlo,monospace}
a.row{color:inherit;text-decoration:none}
a.row:hover b{text-decoration:underline}
img{display:block;flex:none;border-radius:22%;background:var(--line)}
.round{border-radius:50%}
ul{list-style:none;margin:0;padding:0}
li+li{border-top:1px solid var(--line)}
.scopes li{padding:.5rem 0}
.scopes code{display:block}
.row{display:flex;gap:.75rem;align-items:center;min-width:0;padding:.5rem 0}
.row>span{flex:1;min-width:0}
.row b,.row small{display:block}
.badges:not(:empty){display:flex;flex-wrap:wrap;gap:.375rem;margin-top:.25rem}
.badge{padding:0 .5rem;border:1px solid transparent;border-radius:1rem;font-size:.75rem;font-weight:600;white-space:nowrap}
.pro{background:#ffd21e;color:#000}
.plan{background:var(--plan);color:var(--on-plan)}
.role{border-color:var(--edge)}
button,.button{display:inline-block;padding:.625rem 1rem;border:1px solid var(--edge);border-radius:.5rem;background:var(--card);color:inherit;font:inherit;text-align:center;text-decoration:none;cursor:pointer}
:is(button,.button):hover{background:var(--tint)}
:is(button,a,input):focus-visible{outline:3px solid var(--focus);outline-offset:2px}
.primary{background:#ffd21e;border-color:#ffd21e;color:#000;font-weight:600}
.primary:hover{background:#ffdf5c}
.people{display:grid;gap:.5rem}
.people .row{padding:.75rem;text-align:left}
fieldset{min-width:0;margin:1.75rem 0 0;padding:0;border:0}
legend{padding:0;font-weight:600}
fieldset p{margin-bottom:.25rem}
label{cursor:pointer}
input{flex:none;width:1.25rem;height:1.25rem;margin:0;accent-color:var(--focus)}
.actions{display:flex;flex-wrap:wrap;gap:.75rem;margin-top:1.5rem}
.actions>*{flex:1 1 8rem}
.aside{margin-top:1.25rem;padding-top:1.25rem;border-top:1px solid var(--line)}
`
