"""What the public SDXorg conformance models ask for, each in a small model of our own, computes what PySD computes."""

from pathlib import Path

import pytest
from stockflow_helpers import apart, written

import stockflow

CLOSE = 1e-9
RANGES = """
    region: north, middle, south ~ ~
    warm: middle, south ~ ~
    age: young, old ~ ~
    x= 3+SIN(Time*2)+STEP(2,1.3) ~ Dmnl
"""
MODELS = {
    "a name that begins like a function": """
        smoot= 5 ~ Dmnl
        expname table( (0,0),(2,1),(4,0)) ~ Dmnl
        if then= SMOOTH(x, smoot)+expname table(Time)*smoot ~ Dmnl""",
    "a lookup without a range and one with": """
        f( (0,0),(2,1),(4,0)) ~ Dmnl
        g( [(0,-1)-(45,1)],(0,0),(2,1),(4,0.5)) ~ Dmnl
        y= f(x/2)+g(Time)+f(g(x)) ~ Dmnl""",
    "spaces, case and line ends inside arguments": """
        y= if   then\tELSE ( x>4 , Min( x ,  Time ) ,MAX(x,↵ Time) ) + max(x , integer( x )) ~ Dmnl
        z= Y + eXp( - X ) ~ Dmnl""",
    "special characters in quoted names": """
        "flow*with a few^arithmetic + characters"= "w/ (division), lists & 'it' \\\\ $peC!@" ~ Dmnl
        "w/ (division), lists & 'it' \\\\ $peC!@"= 4*x ~ Dmnl
        "Hyphenated-Stock"= INTEG("flow*with a few^arithmetic + characters"-import, 0) ~ Dmnl
        import= 10 ~ Dmnl
        lambda= import*2 ~ Dmnl""",
    "names in other scripts": """
        jährliche Zinsen= 0.05 ~ Dmnl
        人口= INTEG(人口*jährliche Zinsen, 100) ~ Dmnl
        élan= 人口/2 ~ Dmnl""",
    "exponents and numbers of every form": """
        y= 2^3^0.5+x^-1+1e-3+1.5E+2+.5+007.50+3. ~ Dmnl
        z= POWER(x, 0.5)+x*-2 ~ Dmnl
        w= 7/2+INTEGER(7/2)+6/4*x ~ Dmnl""",
    "comparisons and logic": """
        a= IF THEN ELSE(x <> 3 :AND: x >= 2, 1, 0)+IF THEN ELSE(x = 3 :OR: x <= 2, 1, 0) ~ Dmnl
        b= IF THEN ELSE(:NOT: (x < 3), 2, 3)+IF THEN ELSE(x > 1, IF THEN ELSE(x < 4, x, 9), 8) ~ Dmnl""",
    "functions inside functions": "y= ABS(SIN(SQRT(MAX(x, EXP(-x)))*INTEGER(LN(x*5)))) ~ Dmnl",
    "stocks with expressions inside": """
        A= INTEG(x*(1-A/10)-A/2, 5+2*start) ~ Dmnl
        start= 2 ~ Dmnl
        B= INTEG(SMOOTH(A, 2)-MIN(B, 1), A*2) ~ Dmnl""",
    "initial values in a chain, and active ones": """
        A= INTEG(x-A, B*2) ~ Dmnl
        B= INTEG(A-B, c+1) ~ Dmnl
        c= INITIAL(d*3) ~ Dmnl
        d= 2+Time ~ Dmnl
        e= ACTIVE INITIAL(f*2, 7) ~ Dmnl
        f= g+1 ~ Dmnl
        g= INTEG(e-g, 0) ~ Dmnl""",
    "delays of a step, of nothing and of a changing length": """
        a= DELAY1(x, 0.25)+DELAY FIXED(x, 0, 3)+DELAY FIXED(x, 0.25, 1) ~ Dmnl
        b= DELAY3(x, 1+Time) ~ Dmnl
        out= DELAY N(in, 2, 2, 6) ~ Dmnl
        in= STEP(10, 1) ~ Dmnl
        Held= INTEG(in-out, 0) ~ Dmnl""",
    "smooths and stocks that mean the same": """
        a= SMOOTH(x, 2) ~ Dmnl
        S= INTEG((x-S)/2, x) ~ Dmnl
        apart= a-S ~ Dmnl""",
    "ranges of numbers, of ranges, and the same twice": """
        many: (m8-m12) ~ ~
        both: (m8-m9), (m11-m12) ~ ~
        twin: north, middle, south ~ ~
        like: region ~ ~
        v[many]= many*2 ~ Dmnl
        w[both]= v[both]+ELMCOUNT(both) ~ Dmnl
        t[twin]= twin*x ~ Dmnl
        l[like]= t[like]+1 ~ Dmnl""",
    "three dimensions, given in layers": """
        layer: one, two ~ ~
        cube[region,age,one]= 0.1,0.5;0.3,0.2;0.8,0.9; ~ Dmnl
        cube[region,age,two]= 0.5,0.2;0.3,0.7;0.1,0.15; ~ Dmnl
        Level[region,age,layer]= INTEG(cube[region,age,layer]*Level[region,age,layer]-x/10, 10) ~ Dmnl
        by age[age]= SUM(Level[region!,age,layer!]) ~ Dmnl
        slice[region,age]= Level[region,age,two]-Level[region,age,one] ~ Dmnl""",
    "transposition and wider arrays": """
        m[region,age]= 1,2;3,4;5,6; ~ Dmnl
        turned[age,region]= m[region,age]*x ~ Dmnl
        by region[region]= SUM(m[region,age!]) ~ Dmnl
        wider[region,age]= by region[region]*x ~ Dmnl
        of age[region,age]= SUM(m[region!,age])*x+m[region,age] ~ Dmnl""",
    "switching between equal ranges": """
        to: north, middle, south ~ ~
        matrix[region,to]= 0,0.3,0.7;0.1,0,0.9;0.5,0.5,0; ~ Dmnl
        In[region]= INTEG(gain[region]-lost[region], first[region]) ~ Dmnl
        first[region]= 1,0,0 ~ Dmnl
        gain[to]= 0.1*SUM(matrix[region!,to]*In[region!]) ~ Dmnl
        lost[region]= 0.1*SUM(matrix[region,to!]*In[region]) ~ Dmnl""",
    "stocks defined one by one": """
        S[north]= INTEG(x, 5) ~ Dmnl
        S[middle]= INTEG(-S[middle], 6) ~ Dmnl
        S[south]= INTEG(S[north]-S[middle], 7) ~ Dmnl
        k[region]= 1, 2, 3 ~ Dmnl""",
    "parts of ranges, exceptions and mixed definitions": """
        p[warm]= 3*x ~ Dmnl
        p[north]= 1 ~ Dmnl
        q[region] :EXCEPT: [warm]= 5 ~ Dmnl
        q[warm]= p[warm]*2 ~ Dmnl
        r[region,age] :EXCEPT: [north,old]= p[region]+1 ~ Dmnl
        r[north,old]= Time ~ Dmnl""",
    "subscripted functions": """
        v[region]= 1, 2, 3 ~ Dmnl
        cond[region]= IF THEN ELSE(v[region]*x > 6 :AND: v[region] < 3, v[region], -v[region]) ~ Dmnl
        rise[region]= RAMP(v[region], v[region]/2, 3)+STEP(v[region], v[region])+PULSE(1, 0.5)*v[region] ~ Dmnl
        smooth[region]= SMOOTH3I(x*v[region], v[region], 1)+TREND(x*v[region], 2, 0) ~ Dmnl
        delay[region]= DELAY3(x, v[region])+DELAY N(x, v[region], x, 2) ~ Dmnl
        trig[region]= SIN(v[region]*x)+ARCTAN(v[region]) ~ Dmnl
        shares[region]= ZIDZ(x, v[region]-2)+XIDZ(x, v[region]-2, 4)+QUANTUM(x, v[region])+MODULO(x*9, v[region]) ~ Dmnl
        sample[region]= SAMPLE IF TRUE(x > v[region]+1, x, v[region]) ~ Dmnl
        const[region]= INITIAL(v[region]*x) ~ Dmnl""",
    "subscripted lookups and calls with other ranges": """
        f[region]( (0,0),(10,5)) ~ Dmnl
        g[north]( (0,1),(4,2)) ~ Dmnl
        g[middle]( (0,2),(4,0)) ~ Dmnl
        g[south]( (0,2),(4,1)) ~ Dmnl
        a[region]= f[region](x)+g[region](Time) ~ Dmnl
        b= g[south](x)+f[north](Time) ~ Dmnl""",
    "vector functions of states": """
        v[region]= 2+SIN(Time+of[region]) ~ Dmnl
        of[region]= 0, 2, 4 ~ Dmnl
        pick[region]= 1, 0, 1 ~ Dmnl
        a= VECTOR SELECT(pick[region!], v[region!], 0, 1, 0)+VMAX(v[region!])-VMIN(v[region!])+PROD(v[warm!]) ~ Dmnl
        order[region]= VECTOR SORT ORDER(of[region], -1) ~ Dmnl
        sorted[region]= VECTOR REORDER(of[region], order[region]) ~ Dmnl""",
    "the clock in equations": """
        y= Time/TIME STEP+FINAL TIME-INITIAL TIME+SAVEPER ~ Dmnl
        z= IF THEN ELSE(Time >= FINAL TIME-1, x, PULSE(INITIAL TIME, TIME STEP)) ~ Dmnl""",
    "what is only said to be missing": "y= IF THEN ELSE(Time > 5, :NA:, x)+IF THEN ELSE(x = :NA:, 1, 2) ~ Dmnl",
    "limits, odd quotes and comments of many lines": """
        y= x*2 ~ Dmnl [0,?,1] ~ A "comment that goes on ↵and on.
        z= y ~ Dmnl [?,3] ~ isn't it
        w= GAME(z) ~ Dmnl""",
}


@pytest.mark.parametrize("title", MODELS)
def test_constructs_of_the_public_suite_give_what_the_reference_gives(tmp_path: Path, title: str) -> None:
    path = written(tmp_path, RANGES + MODELS[title])
    # a sign for the end of a line inside an equation, since the file is written by lines
    path.write_text(path.read_text(encoding="utf-8").replace("↵", "\\\n\t\t"), encoding="utf-8")
    model = stockflow.load(path)
    shares = apart(model.run(), model.run(engine="reference"))
    assert len(shares) > 5
    assert {name: share for name, share in shares.items() if not share < CLOSE} == {}
