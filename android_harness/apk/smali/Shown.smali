# Puts a text into a view, on the thread that may.
.class final Lorg/picodeploy/conform/Shown;
.super Ljava/lang/Object;
.implements Ljava/lang/Runnable;

.field private final text:Ljava/lang/String;
.field private final view:Landroid/widget/TextView;

.method constructor <init>(Landroid/widget/TextView;Ljava/lang/String;)V
    .registers 3
    invoke-direct {p0}, Ljava/lang/Object;-><init>()V
    iput-object p1, p0, Lorg/picodeploy/conform/Shown;->view:Landroid/widget/TextView;
    iput-object p2, p0, Lorg/picodeploy/conform/Shown;->text:Ljava/lang/String;
    return-void
.end method

.method public run()V
    .registers 3
    iget-object v0, p0, Lorg/picodeploy/conform/Shown;->view:Landroid/widget/TextView;
    iget-object v1, p0, Lorg/picodeploy/conform/Shown;->text:Ljava/lang/String;
    invoke-virtual {v0, v1}, Landroid/widget/TextView;->setText(Ljava/lang/CharSequence;)V
    return-void
.end method
