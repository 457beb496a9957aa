/** TView: the study of the page's address. */
import "./tview.css";
import { required } from "./dom";
import { fail, openStudy } from "./study";

performance.mark("tview:script");
const root = required("#tview");
openStudy(root).catch((problem: unknown) => fail(root, problem));
