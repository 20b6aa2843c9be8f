export const css = `
:root{--paper:#f7f7f8;--card:#fff;--ink:#1b1c1f;--soft:#5b5e66;--line:#d9dbe0;--edge:#868a93;--tint:#f1f2f4;--focus:#1d4ed8}
@media (prefers-color-scheme:dark){:root{--paper:#131418;--card:#1d1f24;--ink:#f2f3f5;--soft:#b0b4bd;--line:#383b43;--edge:#7d828d;--tint:#282b32;--focus:#93b8ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
header{padding:.75rem 1rem;background:var(--card);border-bottom:1px solid var(--line);font-size:.875rem;color:var(--soft);text-align:center}
header a{margin-right:.75rem;font-weight:600}
a{color:inherit}
main{width:min(30rem,100% - 2rem);margin:clamp(1rem,6vh,4rem) auto;padding:clamp(1rem,5vw,2rem);background:var(--card);border:1px solid var(--line);border-radius:.75rem}
h1{margin:0;font-size:1.5rem;line-height:1.25;text-wrap:balance}
h2,legend{margin:0;padding:1.5rem 0 .5rem;font-size:1rem;font-weight:600}
p{margin:.5rem 0 1.25rem}
small,code{color:var(--soft);font-size:.875rem}
img{border-radius:22%}
ul{margin:0;padding:0 0 0 1.25rem}
fieldset{min-width:0;margin:0;padding:0;border:0}
.row>:is(img,input){flex:none}
.row{display:flex;gap:.75rem;align-items:center;width:100%;padding:.5rem 0;text-align:left}
.row>span{min-width:0}
button{padding:.625rem 1rem;border:1px solid var(--edge);border-radius:.5rem;background:var(--card);color:inherit;font:inherit;cursor:pointer}
button:hover{background:var(--tint)}
button.row{margin-bottom:.5rem;padding:.75rem}
:is(button,a,input):focus-visible{outline:3px solid var(--focus);outline-offset:2px}
.primary,.primary:hover{background:#ffd21e;border-color:#ffd21e;color:#000;font-weight:600}
input{width:1.25rem;height:1.25rem;margin:0;accent-color:var(--focus)}
.actions{display:flex;flex-wrap:wrap;gap:.75rem;margin:1.5rem 0}
.actions>*{flex:1 1 8rem}
`
