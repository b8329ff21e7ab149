"""Random file operations with their results, printed: `python3 file-operations.py SEED COUNT DIRECTORY`. Run natively and as a guest
(`hospes run [--fs overlay] -- python3 …`) on directories of equal depth, both outputs must be the same."""
import os, random, errno, sys, stat
seed=int(sys.argv[1]); n=int(sys.argv[2]); top=sys.argv[3]
R=random.Random(seed)
os.umask(0o022)
os.path.isdir(top) or os.mkdir(top); os.chdir(top)
names=['a','b','c','d']
def path():
    k=R.random()
    depth=1 if k<.45 else 2 if k<.8 else 3
    p='/'.join(R.choice(names) for _ in range(depth))
    k=R.random()
    if k<.06: p+='/'
    elif k<.09: p+='/.'
    elif k<.12: p+='/..'
    elif k<.15: p='./'+p
    elif k<.18: p=R.choice(names)+'/../'+p
    elif k<.19: p=''
    return p
def st(s): 
    return (oct(s.st_mode), s.st_nlink if not stat.S_ISDIR(s.st_mode) else '-', s.st_size if stat.S_ISREG(s.st_mode) or stat.S_ISLNK(s.st_mode) else '-', s.st_uid, s.st_gid)
fds=[]
def op():
    k=R.randrange(24)
    if k==0: return 'mkdir',lambda p=path(): os.mkdir(p,0o755)
    if k==1: return 'rmdir',lambda p=path(): os.rmdir(p)
    if k in(2,3): #
        fl=os.O_NONBLOCK|R.choice([os.O_RDONLY,os.O_WRONLY,os.O_RDWR])|R.choice([0,os.O_CREAT,os.O_CREAT,os.O_CREAT|os.O_EXCL])|R.choice([0,0,os.O_TRUNC,os.O_APPEND,os.O_NOFOLLOW,os.O_DIRECTORY])
        # O_CREAT|O_DIRECTORY differs between kernel versions
        if fl&os.O_CREAT and fl&os.O_DIRECTORY: fl&=~os.O_DIRECTORY
        p=path(); mode=R.choice([0o644,0o600,0o755,0o444]); data=b'x'*R.randrange(1,50)
        def f():
            fd=os.open(p,fl,mode)
            r=[st(os.fstat(fd))]
            try: r.append(os.write(fd,data))
            except OSError as e: r.append(errno.errorcode[e.errno])
            try: r.append(os.pread(fd,100,0))
            except OSError as e: r.append(errno.errorcode[e.errno])
            if R.random()<.2: fds.append(fd)
            else: os.close(fd)
            return r
        return 'open %o %s'%(fl,p),f
    if k==4: return 'unlink',lambda p=path(): os.unlink(p)
    if k in(5,6,7): return 'rename',lambda p=path(),q=path(): os.rename(p,q)
    if k==8: return 'link',lambda p=path(),q=path(): os.link(p,q,follow_symlinks=R.random()<.5)
    if k in(9,10):
        t=R.choice(['a','b','../a','a/b','./c','../../b','zz',top+'/a'])
        return 'symlink',lambda p=path(): os.symlink(t,p)
    if k==11: return 'readlink',lambda p=path(): os.readlink(p).replace(top,'TOP')
    if k==12: return 'stat',lambda p=path(): st(os.stat(p))
    if k==13: return 'lstat',lambda p=path(): st(os.lstat(p))
    if k==14: return 'listdir',lambda p=path(): sorted(os.listdir(p or '.'))
    if k==15: return 'chmod',lambda p=path(),m=R.choice([0o700,0o4755,0o1777,0o644]): os.chmod(p,m)
    if k==16: return 'truncate',lambda p=path(),l=R.randrange(100): os.truncate(p,l)
    if k==17: return 'utime',lambda p=path(),t=R.randrange(2**40): (os.utime(p,ns=(t,t+1)),os.stat(p).st_mtime_ns-t)
    if k==18: return 'mkfifo',lambda p=path(): os.mkfifo(p,0o600) if R.random()<.3 else None
    if k==19: return 'chown',lambda p=path(),u=R.randrange(3),g=R.randrange(3): os.chown(p,u,g,follow_symlinks=R.random()<.5)
    if k==20:
        def f():
            if not fds: return
            fd=fds.pop(0); s=os.fstat(fd); os.close(fd); 
            return st(s)
        return 'fstat',f
    if k==21: return 'access',lambda p=path(),m=R.choice([os.R_OK,os.W_OK,os.X_OK,os.F_OK]): os.access(p,m)
    if k==22: return 'statat',lambda p=path(): (lambda fd:(st(os.stat(R.choice(names),dir_fd=fd)),os.close(fd)))(os.open(p,os.O_RDONLY|os.O_DIRECTORY|R.choice([0,os.O_NOFOLLOW])))
    if k==23:
        def f(p=path()):
            old=os.open('.',os.O_RDONLY)
            try:
                os.chdir(p); return os.getcwd().replace(top,'TOP')
            finally: os.fchdir(old); os.close(old)
        return 'chdir',f
out=[]
for i in range(n):
    name,f=op()
    try: r=f()
    except OSError as e: r=errno.errorcode[e.errno]
    d=getattr(f,'__defaults__',None) or ''
    print(i,name,d,r)
for dp,dn,fn in sorted(os.walk(".")):
    for x in sorted(dn+fn):
        q=os.path.join(dp,x); print(q,st(os.lstat(q)))
